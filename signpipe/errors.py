"""The errors a user can cause or must hear about.

Each message is one sentence that says what was wrong, where, and what to do. The command line prints it
without a traceback and ends with exit code 2.
"""


class SignpipeError(Exception):
    """Anything that signpipe tells its user in one sentence."""


class SourceError(SignpipeError):
    """A source can't be opened or read: missing, empty, damaged, refused or unknown."""


class ModelError(SignpipeError):
    """A model can't be used: missing, altered, of the wrong shape, or no ONNX at all."""


class ProviderError(SignpipeError):
    """The execution provider that was asked for isn't the one that would run."""


class SettingsError(SignpipeError):
    """A setting has a value that can't be used, or a settings file can't be read."""


class OutputError(SignpipeError):
    """An output can't be written where it was asked for."""


class ExtraMissingError(SignpipeError):
    """A feature needs an optional dependency that isn't installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra '{extra}': install it with  pip install 'signpipe[{extra}]'")
