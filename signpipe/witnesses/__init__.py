"""Witnesses: what besides the classifier has an opinion on what a sign is."""

from __future__ import annotations

import logging

from signpipe.catalogue import Catalogue
from signpipe.errors import SourceError
from signpipe.opinion import Witness
from signpipe.runtime.session import Session
from signpipe.settings import Settings
from signpipe.witnesses.approach import ApproachWitness

logger = logging.getLogger(__name__)


def open_witnesses(settings: Settings, catalogue: Catalogue, reader: Session | None = None) -> list[Witness]:
    """Open every witness that has something to go by; what isn't asked for isn't imported.

    A map with bad content is reported in one warning and left out: nothing rests on a map alone.

    Args:
        settings: The whole configuration.
        catalogue: The classes.
        reader: The open model that reads figures, or None to do without.

    Raises:
        SourceError: There is no such map, or a calibration can't be read.
        ExtraMissingError: A library is missing that its format needs.
    """
    witnesses: list[Witness] = []
    if settings.map.file is not None:
        from signpipe.witnesses.map_prior import MapWitness

        try:
            witnesses.append(MapWitness(settings.map, settings.camera, settings.position, catalogue))
        except SourceError as error:
            if not settings.map.file.is_file():
                raise
            logger.warning("%s The run goes on without a map.", error)
    witnesses.append(ApproachWitness(settings.camera, catalogue))
    if settings.lidar.calibration is not None:
        from signpipe.lidar import read_calibration
        from signpipe.witnesses.lidar import LidarWitness

        witnesses.append(LidarWitness(settings.lidar, catalogue, read_calibration(settings.lidar.calibration)))
    if reader is not None and settings.figures.enabled:
        from signpipe.figures.reader import Reader
        from signpipe.witnesses.figures import FiguresWitness

        witnesses.append(FiguresWitness(settings.figures, catalogue, Reader(reader)))
    if settings.template.enabled:
        from signpipe.witnesses.template import TemplateWitness

        witnesses.append(TemplateWitness(settings.template, catalogue))
    if settings.shape.enabled:
        from signpipe.witnesses.shape import ShapeWitness

        witnesses.append(ShapeWitness(settings.shape, catalogue))
    return witnesses
