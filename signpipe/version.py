"""The version of signpipe, where every part can read it without the front door."""

VERSION = "0.1.0"
