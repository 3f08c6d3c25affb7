"""The typed face of the engine against the compiled module."""

from __future__ import annotations

import ast
import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

from command import PACKAGE, environment
from dolma import _core

STUB = PACKAGE / "dolma/_core.pyi"


def test_the_stub_declares_what_the_module_has() -> None:
    tree = ast.parse(STUB.read_text())
    declared = {
        node.name
        for node in tree.body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith("_")
    }
    assert declared == {name for name in dir(_core) if not name.startswith("_")}


def test_functions_take_the_arguments_that_the_stub_says() -> None:
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            signature = inspect.signature(getattr(_core, node.name))
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            assert list(signature.parameters) == [argument.arg for argument in arguments], node.name


def test_every_class_and_function_is_documented_in_the_stub() -> None:
    for node in ast.parse(STUB.read_text()).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            assert ast.get_docstring(node), node.name


def test_stubtest_finds_no_difference(tmp_path: Path) -> None:
    pytest.importorskip("mypy.stubtest", reason="needs `pip install mypy`")
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "dolma._core"],
        env={**environment(), "MYPYPATH": str(PACKAGE), "MYPY_CACHE_DIR": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_package_says_that_it_is_typed() -> None:
    assert os.path.exists(PACKAGE / "dolma/py.typed")
