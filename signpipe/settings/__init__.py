"""The whole configuration as one tree: defaults < TOML file < environment (SIGNPIPE_...) < command line.

Times are in seconds, lengths in pixels of the source picture unless the description says otherwise.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from signpipe.errors import SettingsError
from signpipe.settings.car import CanSettings, McapSettings, MotionSettings, MqttSettings
from signpipe.settings.environment import DELIMITER, PREFIX, Environment, variable
from signpipe.settings.fallback import (
    CameraSettings,
    FallbackSettings,
    FiguresSettings,
    LidarSettings,
    MapSettings,
    PositionSettings,
    ReviewSettings,
    ShapeSettings,
    TemplateSettings,
)
from signpipe.settings.monitoring import DriftSettings, MetricsSettings
from signpipe.settings.renamed import CurrentNames
from signpipe.settings.sections import (
    AUTO,
    BufferPolicy,
    CaptureSettings,
    ClassifySettings,
    CountrySettings,
    DecideSettings,
    DetectSettings,
    OutputSettings,
    PlausibilitySettings,
    PreprocessSettings,
    RuntimeSettings,
    Section,
    TrackSettings,
)
from signpipe.settings.shadow import ShadowSettings
from signpipe.settings.vehicle import VehicleSettings

__all__ = [
    "AUTO",
    "OUTPUTS",
    "WORLD",
    "BufferPolicy",
    "CameraSettings",
    "CanSettings",
    "CaptureSettings",
    "ClassifySettings",
    "CountrySettings",
    "DecideSettings",
    "DetectSettings",
    "DriftSettings",
    "FallbackSettings",
    "FiguresSettings",
    "LidarSettings",
    "MapSettings",
    "McapSettings",
    "MetricsSettings",
    "MotionSettings",
    "MqttSettings",
    "OutputSettings",
    "PlausibilitySettings",
    "PositionSettings",
    "PreprocessSettings",
    "ReviewSettings",
    "RuntimeSettings",
    "Section",
    "Settings",
    "ShadowSettings",
    "ShapeSettings",
    "TemplateSettings",
    "TrackSettings",
    "VehicleSettings",
    "load_settings",
    "override_settings",
]


OUTPUTS = frozenset(
    {"output", "review", "can", "mqtt", "mcap", "metrics", "drift", "shadow"}
)  # sections that say where results go, and nothing of what they are


WORLD = "classifier-world"  # the shipped classifier whose embedding names signs beyond the 43
WORLD_DETECTOR = "detector-world"  # the shipped detector that finds signs of every kind, and tells their outlines


class Settings(BaseSettings):
    """All settings; see `signpipe settings` for the tree with its descriptions.

    Raises:
        SettingsError: A variable of the environment can't be read.
        pydantic.ValidationError: A value is out of bounds; `load_settings` turns it into one sentence.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        env_ignore_empty=True,
        extra="forbid",
        validate_assignment=True,
    )

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # pydantic-settings passes them all by name
        cls, settings_cls: type[BaseSettings], **sources: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the layers, the strongest first: what was given, then the environment."""
        layers = (sources["init_settings"], Environment(settings_cls))
        return tuple(CurrentNames(settings_cls, layer) for layer in layers)

    country: CountrySettings = CountrySettings()
    capture: CaptureSettings = CaptureSettings()
    camera: CameraSettings = CameraSettings()
    preprocess: PreprocessSettings = PreprocessSettings()
    detect: DetectSettings = DetectSettings()
    plausibility: PlausibilitySettings = PlausibilitySettings()
    classify: ClassifySettings = ClassifySettings()
    track: TrackSettings = TrackSettings()
    fallback: FallbackSettings = FallbackSettings()
    figures: FiguresSettings = FiguresSettings()
    template: TemplateSettings = TemplateSettings()
    shape: ShapeSettings = ShapeSettings()
    position: PositionSettings = PositionSettings()
    motion: MotionSettings = MotionSettings()
    map: MapSettings = MapSettings()
    lidar: LidarSettings = LidarSettings()
    review: ReviewSettings = ReviewSettings()
    vehicle: VehicleSettings = VehicleSettings()
    decide: DecideSettings = DecideSettings()
    runtime: RuntimeSettings = RuntimeSettings()
    output: OutputSettings = OutputSettings()
    can: CanSettings = CanSettings()
    mqtt: MqttSettings = MqttSettings()
    mcap: McapSettings = McapSettings()
    shadow: ShadowSettings = ShadowSettings()
    metrics: MetricsSettings = MetricsSettings()
    drift: DriftSettings = DriftSettings()

    @property
    def embedder(self) -> str:
        """The classifier that countries' prototypes are made for: `classify.model`, if that was chosen."""
        chosen = self.classify.model
        return WORLD if chosen == ClassifySettings().model else chosen

    @property
    def worldwide(self) -> bool:
        """Whether signs of every kind are asked for: by another country than the usual one, or by that detector."""
        return self.country.code != CountrySettings().code or self.detect.model == WORLD_DETECTOR

    @property
    def classifier(self) -> str:
        """The classifier that is run: for signs of every kind, the one that countries' prototypes are made for."""
        return self.embedder if self.worldwide else self.classify.model

    @property
    def detector(self) -> str:
        """The detector that is run: for signs of every kind the one that finds them, unless another was chosen."""
        chosen, usual = self.detect.model, DetectSettings().model
        return WORLD_DETECTOR if chosen == usual and self.worldwide else chosen

    @property
    def inputs(self) -> tuple[str, ...]:
        """What the settings name that may be a file to read: a map, a track, sweeps, models."""
        sections = [section for name, section in self if name not in OUTPUTS]
        return tuple(str(value) for section in sections for _, value in section if isinstance(value, str | Path))


def load_settings(config: Path | None = None, overrides: dict[str, Any] | None = None) -> Settings:
    """Build the settings from a TOML file, the environment and what the command line gave.

    Args:
        config: TOML file with a table for each section, or None.
        overrides: Values by dotted name, such as {"detect.score": 0.5}; None values are ignored.

    Raises:
        SettingsError: The file can't be read, a name is unknown or a value is out of bounds.
    """
    tree: dict[str, Any] = {}
    for name, value in (overrides or {}).items():
        if value is not None:
            section, _, key = name.partition(".")
            if section not in Settings.model_fields or not key:
                hint = f", but a section: name one of its settings, {section}.NAME" * (section in Settings.model_fields)
                raise SettingsError(f"There is no setting '{name}'{hint}; `signpipe settings` lists them all.")
            tree.setdefault(section, {})[key] = value
    toml = _read(config) if config else {}
    try:
        return _with_file(toml)(**tree)
    except ValidationError as error:
        origin = _origin(error.errors()[0]["loc"], tree, toml, config)
        raise SettingsError(_explain(error, origin)) from None


def _read(config: Path) -> dict[str, Any]:
    """Read a TOML file."""
    try:
        return tomllib.loads(config.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise SettingsError(f"The settings file {config} can't be read: {error.strerror}.") from None
    except (ValueError, RecursionError) as error:  # TOML's own errors are ValueErrors
        raise SettingsError(f"The settings file {config} is no valid TOML: {error}.") from None


def override_settings(settings: Settings | None, overrides: Mapping[str, Any]) -> Settings:
    """Return settings with some values changed.

    Args:
        settings: What is changed, as a copy; None for the defaults and the environment.
        overrides: Values by section, such as {"detect": {"score": 0.5}}, or by dotted name, as in `load_settings`.

    Raises:
        SettingsError: A name is unknown or a value is out of bounds.
    """
    values: dict[str, Any] = {}
    for name, value in overrides.items():
        if isinstance(value, BaseModel):
            value = value.model_dump()
        if isinstance(value, Mapping) and "." not in name:
            values |= {f"{name}.{key}": one for key, one in value.items()}
        else:
            values[name] = value
    if settings is not None:
        kept = {f"{name}.{key}": one for name, section in settings for key, one in dict(section).items()}
        values = kept | values
    return load_settings(None, values)


def _with_file(toml: dict[str, Any]) -> type[Settings]:
    """Return `Settings` with the content of a TOML file as its lowest layer."""

    class FileSettings(Settings):
        @classmethod
        def settings_customise_sources(  # type: ignore[override]  # pydantic-settings passes the rest by name
            cls, settings_cls: type[BaseSettings], **sources: PydanticBaseSettingsSource
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            file = InitSettingsSource(settings_cls, init_kwargs=toml)
            return *super().settings_customise_sources(settings_cls, **sources), CurrentNames(settings_cls, file)

    return FileSettings


def _explain(error: ValidationError, origin: str) -> str:
    """Say in one sentence what the first bad setting is, where it comes from, and how many more there are."""
    first, *others = error.errors()
    name = ".".join(str(part) for part in first["loc"]) or "the settings"
    value, reason = first["input"], first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        text = f"There is no setting '{name}'"
    elif first["type"] in ("value_error", "assertion_error") and isinstance(value, dict):
        text = f"The settings of '{name}' don't fit together: {reason}"  # each is right, but not with the others
    elif len(first["loc"]) == 1:
        text = f"'{name}' is a section of settings and can't be {value!r}"
    elif isinstance(value, dict):
        text = f"The setting '{name}' has no settings below it, but is given {', '.join(map(repr, value))}"
    else:
        text = f"The setting '{name}' can't be {value!r}: {reason}"
    more = f" (and {len(others)} more)" if others else ""
    return f"{text}{origin}{more}; `signpipe settings` lists them all."


def _origin(loc: tuple[int | str, ...], overrides: dict[str, Any], toml: dict[str, Any], config: Path | None) -> str:
    """Say which layer has a setting, unless it is the command line, of which a person knows."""
    name = variable(".".join(map(str, loc)))
    if _has(overrides, loc):
        return ""
    if os.environ.get(name):
        return f" (environment variable {name})"
    return f" (in {config})" if _has(toml, loc) else ""


def _has(tree: Any, loc: tuple[int | str, ...]) -> bool:
    """Return whether a tree of settings has one."""
    return not loc or (isinstance(tree, dict) and loc[0] in tree and _has(tree[loc[0]], loc[1:]))
