"""Prints the requirements of dependency groups in `pyproject.toml`, one a line.

pip before 25.1 knows no `--group`; this is what the Makefile gives it instead.

    python scripts/requirements.py test lint | pip install -r /dev/stdin
"""

import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:  # Comes with maturin on Python 3.10.
    import tomli as tomllib


def main(groups: list[str]) -> None:
    path = Path(__file__).resolve().parent.parent / "pyproject.toml"
    known = tomllib.loads(path.read_text(encoding="utf-8"))["dependency-groups"]
    for group in groups:
        print("\n".join(known[group]))


if __name__ == "__main__":
    main(sys.argv[1:])
