"""What a mapper may change in OpenStreetMap, as a change file that JOSM opens; signpipe never uploads anything."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from signpipe.catalogue import Effect, SignClass
from signpipe.errors import ExtraMissingError, OutputError, SourceError
from signpipe.mapping.comparing import Finding, Verdict
from signpipe.mapping.entry import Entry
from signpipe.mapping.writers.rows import Naming
from signpipe.version import VERSION

_SIGN_KEYS = ("traffic_sign", "traffic_sign:forward", "traffic_sign:backward", "traffic_sign:direction", "maxspeed")
_DIGITS = 7


@dataclass(frozen=True, slots=True)
class _Node:
    id: int
    version: int
    latitude: float
    longitude: float
    tags: dict[str, str]


def write_osm_change(path: Path, findings: Sequence[Finding], naming: Naming, extract: Path | None) -> dict[str, int]:
    """Write what is missing as new nodes; what is wrong or gone as changes of the extract's own nodes.

    A node whose sign is gone loses its tags of signs and stays, for it may be part of a road. Signs that the map has on
    a way, or that come from GeoJSON, can't be changed and are left to the mapper.

    Args:
        path: The file, .osc.
        findings: Of the comparison.
        naming: Codes of the country.
        extract: The OpenStreetMap extract that was compared with, or None.

    Returns:
        How many nodes are created and modified.

    Raises:
        OutputError: The file can't be written.
        ExtraMissingError: The extra "map" isn't installed.
    """
    root = ET.Element("osmChange", version="0.6", generator=f"signpipe {VERSION}")
    create, modify = ET.SubElement(root, "create"), ET.SubElement(root, "modify")
    changed = {
        int(one.mapped.source.removeprefix("node ")): one
        for one in findings
        if one.verdict in (Verdict.WRONG, Verdict.GONE) and one.mapped and one.mapped.source.startswith("node ")
    }
    missing = [one.entry for one in findings if one.verdict is Verdict.MISSING and one.entry is not None]
    for number, entry in enumerate(missing, 1):
        _node(create, _Node(-number, 0, entry.latitude, entry.longitude, tags_of(entry, naming)))
    for node in _nodes(extract, set(changed)) if extract is not None and changed else ():
        finding = changed[node.id]
        tags = {key: value for key, value in node.tags.items() if key not in _SIGN_KEYS}
        if finding.verdict is Verdict.WRONG and finding.entry is not None:
            tags |= tags_of(finding.entry, naming)
        _node(modify, _Node(node.id, node.version, node.latitude, node.longitude, tags))
    counts = {"created": len(create), "modified": len(modify)}
    for part in (create, modify):
        if not len(part):
            root.remove(part)
    ET.indent(root)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        ET.ElementTree(root).write(path, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        raise OutputError(f"The changes can't be written to {path}: {error.strerror}.") from None
    return counts


def tags_of(entry: Entry, naming: Naming) -> dict[str, str]:
    """Return OpenStreetMap's tags of a sign (https://wiki.openstreetmap.org/wiki/Key:traffic_sign)."""
    sign = naming.sign(entry.class_name)
    country = (naming.country or "").upper()
    code = f"{country}:{sign.code}" if sign and sign.code and country else entry.class_name
    tags = {"traffic_sign": code, "direction": str(round(entry.facing) % 360), "source": "survey"}
    if sign is not None and (limit := _maxspeed(sign)) is not None:
        tags["maxspeed"] = limit
    if entry.last_seen is not None:
        tags["check_date"] = datetime.fromtimestamp(entry.last_seen, UTC).date().isoformat()
    return tags


def _maxspeed(sign: SignClass) -> str | None:
    if sign.effect is not Effect.LIMIT or sign.value is None or isinstance(sign.value, str):
        return None
    return f"{sign.value:g}" + (" mph" if sign.unit == "mph" else "")


def _node(parent: ET.Element, node: _Node) -> None:
    place = {"lat": f"{node.latitude:.{_DIGITS}f}", "lon": f"{node.longitude:.{_DIGITS}f}"}
    version = {"version": str(node.version)} if node.version else {}
    element = ET.SubElement(parent, "node", {"id": str(node.id), **version, **place})
    for key, value in sorted(node.tags.items()):
        ET.SubElement(element, "tag", k=key, v=value)


def _nodes(extract: Path, wanted: set[int]) -> list[_Node]:
    """Return nodes of an extract with their versions and all their tags.

    Raises:
        SourceError: The extract can't be read.
    """
    try:
        import osmium
    except ImportError:
        raise ExtraMissingError("Changing OpenStreetMap's nodes", "map") from None
    kind = "pbf" if extract.suffix.lower() == ".pbf" else "osm"
    try:
        return [
            _Node(thing.id, thing.version, thing.location.lat, thing.location.lon, dict(thing.tags))
            for thing in osmium.FileProcessor(osmium.io.File(str(extract), kind), osmium.osm.NODE)
            if thing.id in wanted and isinstance(thing, osmium.osm.Node)
        ]
    except (RuntimeError, OSError) as error:
        raise SourceError(f"The map {extract} can't be read ({error}); fetch the extract again.") from None
