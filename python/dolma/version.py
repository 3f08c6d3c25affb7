"""The version: that of the engine, which is that of the package."""

__version__ = "2.0.0"
