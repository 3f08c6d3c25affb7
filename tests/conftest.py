"""Fixtures that every folder of tests may use."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes more than five seconds")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """An empty folder called `documents`, with room for attributes beside it."""
    folder = tmp_path / "documents"
    folder.mkdir()
    return folder
