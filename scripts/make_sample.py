"""Rebuilds `data/sample/`, the documents behind `make demo`, from Debian's documentation packages.

For maintainers only: users need nothing but the files it writes. It downloads the packages of
`sample_packages.py` (or takes them from `--packages`), checks their sha256, cuts their HTML pages
into documents, adds duplicates, PII-like strings and junk, and writes the shards, `injected.jsonl`
and the copyright files. The same packages give the same documents, byte for byte, on any machine;
the compressed files are equal as long as zlib is.

    python scripts/make_sample.py --packages /tmp/packages --output data/sample
"""

import argparse
import gzip
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

import sample_html
import sample_noise
from sample_packages import PACKAGES, Package

SEED = 20240229
ADDED = "2024-02-29T00:00:00.000Z"
LIMIT_BYTES = 3_000_000
"""The sample must stay smaller than this on disk."""


# Shards and the languages that go into them; `crawl` gets junk and copies only. One file is not
# compressed, and folders are of different depth, because corpora in the wild are like that.
SHARDS = {
    "handbooks/en-0000.jsonl.gz": ("en",),
    "handbooks/en-0001.jsonl.gz": ("en",),
    "translations/europe/0000.jsonl.gz": ("de", "fr", "es", "ru"),
    "translations/asia/0000.jsonl.gz": ("ja", "zh"),
    "crawl/0000.jsonl": (),
}


def fetch(package: Package, folder: Path) -> Path:
    """The package's file in `folder`, downloaded unless it lies there, its checksum verified."""
    path = folder / package.file
    if not path.exists():
        wanted = f"{package.name}={package.version}"
        subprocess.run(["apt-get", "download", wanted], cwd=folder, check=True)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        sys.exit(f"{path}: sha256 is {found}, expected {package.sha256}")
    return path


def read(package: Package, root: Path) -> list[dict[str, Any]]:
    """The documents of an unpacked package, at most `most` of them, evenly spaced."""
    documents: list[dict[str, Any]] = []
    for path in sorted(root.glob(package.pages)):
        if path.name.split(".")[0] in package.skip:
            continue
        created = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(path.stat().st_mtime))
        for part, text in enumerate(sample_html.documents(path.read_text(encoding="utf-8"))):
            document = {
                "id": f"{package.name}/{path.stem}/{part}",
                "text": text,
                "source": package.name,
                "added": ADDED,
                "created": created,
                "metadata": {
                    "url": f"{package.url(path)}#part-{part}",
                    "license": package.license,
                    "language": package.language,
                },
            }
            documents.append(document)
    count = min(package.most, len(documents))
    return [documents[number * len(documents) // count] for number in range(count)]


def home(rng: Random, document: dict[str, Any]) -> str:
    """The shard of a document: one of its language; injected pages also turn up in the crawl."""
    language = document["metadata"]["language"]
    crawl = [name for name, languages in SHARDS.items() if not languages]
    homes = [name for name, languages in SHARDS.items() if language in languages]
    if not homes:  # Junk has no language: half of it is in the crawl, the rest anywhere.
        return rng.choice(crawl + rng.sample(list(SHARDS), 1))
    if document["id"].startswith("injected/") and rng.random() < 1 / 3:
        homes = crawl
    return rng.choice(homes)


def place(rng: Random, documents: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Spreads the documents over the shards, in random order."""
    shards: dict[str, list[dict[str, Any]]] = {name: [] for name in SHARDS}
    for document in rng.sample(documents, len(documents)):
        shards[home(rng, document)].append(document)
    return shards


def lines(rows: list[dict[str, Any]]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


def write(output: Path, shards: dict[str, list[dict[str, Any]]]) -> None:
    """Writes the shards; a gzip member carries neither name nor time."""
    shutil.rmtree(output / "documents", ignore_errors=True)
    for name, rows in shards.items():
        path = output / "documents" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = lines(rows)
        path.write_bytes(gzip.compress(data, 9, mtime=0) if path.suffix == ".gz" else data)


def build(packages: Path, output: Path) -> None:
    rng = Random(SEED)
    documents: list[dict[str, Any]] = []
    copyrights = output / "copyright"
    copyrights.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        for package in PACKAGES:
            root = Path(scratch) / package.name
            subprocess.run(["dpkg", "-x", str(fetch(package, packages)), str(root)], check=True)
            documents += read(package, root)
            source = root / "usr/share/doc" / package.name / "copyright"
            shutil.copyfile(source, copyrights / f"{package.name}.txt")
    records = sample_noise.add_pii(rng, documents)
    injected = sample_noise.exact_copies(rng, documents)
    injected += sample_noise.near_copies(rng, documents)
    injected += sample_noise.junk(rng, ADDED)
    records += [record for _, record in injected]
    shards = place(rng, documents + [document for document, _ in injected])
    write(output, shards)
    (output / "injected.jsonl").write_bytes(lines(records))
    verify(output, shards)


def verify(output: Path, shards: dict[str, list[dict[str, Any]]]) -> None:
    """Prints what was written, and fails if the sample broke a promise of its NOTICE."""
    rows = [row for shard in shards.values() for row in shard]
    languages: dict[str, int] = {}
    for row in rows:
        languages[row["metadata"]["language"]] = languages.get(row["metadata"]["language"], 0) + 1
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    for name, shard in shards.items():
        print(f"{len(shard):5d} documents  {(output / 'documents' / name).stat().st_size:8d} {name}")
    characters = sum(len(row["text"]) for row in rows)
    print(f"{len(rows)} documents, {characters} characters, {size} bytes on disk, {languages}")
    if len({row["id"] for row in rows}) != len(rows):
        sys.exit("two documents share an id")
    if size >= LIMIT_BYTES:
        sys.exit(f"the sample has {size} bytes, {LIMIT_BYTES} are allowed")


def main() -> None:
    parser = argparse.ArgumentParser(description="Rebuild the bundled sample.")
    here = Path(__file__).resolve().parent
    parser.add_argument("--output", type=Path, default=here.parent / "data/sample")
    parser.add_argument("--packages", type=Path, help="folder with the .deb files; default: fetch")
    options = parser.parse_args()
    if options.packages is not None:
        build(options.packages, options.output)
        return
    with tempfile.TemporaryDirectory() as scratch:
        build(Path(scratch), options.output)


if __name__ == "__main__":
    main()
