"""The version, in one place: `pyproject.toml` and every record read it here."""

__version__ = "2.0.0"
