"""The texts that a classifier learns from, and those that it is judged by.

What is taken, what is held out and in which order it is read follow from hashes of the texts and the
seed: the order of files and what else is among them do not matter, and equal texts are never on both
sides. Texts wait in a spool file; memory holds a few words for each.
"""

from __future__ import annotations

import hashlib
import heapq
import os
import re
from collections.abc import Iterator
from typing import IO

import msgspec

from .. import _core, storage
from ..storage import File
from .card import Label

__all__ = ["Corpus", "Place", "read"]

#: What separates words for fastText; other white space of Unicode is part of a word.
_BLANKS = re.compile(r"[ \t\n\v\f\r\0]+")
#: Texts that are cleaned in one call.
_CALL = 256


class Place(msgspec.Struct, frozen=True, order=True):
    """A text in the spool; in the order of hashes, which has nothing to do with that of files."""

    hash: int
    offset: int
    length: int
    label: int


class Corpus(msgspec.Struct, kw_only=True):
    """The texts of all labels, in the order of their hashes."""

    labels: list[Label]
    training: list[Place]
    held_out: list[Place]
    #: Texts that occur under more than one label.
    contradictions: int
    spool: str

    def texts(self, places: list[Place]) -> Iterator[tuple[int, str]]:
        """The label and the cleaned text of each place."""
        with open(self.spool, "rb") as file:
            for place in places:
                file.seek(place.offset)
                yield place.label, file.read(place.length).decode()

    def write_training(self, path: str) -> None:
        """Writes the training file: a label and a text on each line."""
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            for label, text in self.texts(self.training):
                file.write(f"__label__{self.labels[label].name} {text}\n")


def read(
    files: dict[str, list[File]],
    folder: str,
    *,
    cleaning: list[str],
    seed: int,
    sample: float,
    limit: int | None,
    held_out: float,
) -> Corpus:
    """Reads, samples, cleans and shares out documents; `folder` takes the spool and staged files.

    Raises `DolmaError` for a document that cannot be read, with file and line.
    """
    spool = os.path.join(folder, "spool")
    labels = [Label(name=name, files=len(found)) for name, found in files.items()]
    places: list[Place] = []
    with open(spool, "wb") as file:
        for index, (label, found) in enumerate(zip(labels, files.values(), strict=True)):
            chosen = _Sample(seed, sample, limit)
            for document in found:
                _read_file(document, folder, chosen, label, index, cleaning, file)
            places += chosen.places
    places.sort()
    training, kept, contradictions = _share_out(places, labels, seed, held_out)
    return Corpus(labels=labels, training=training, held_out=kept, contradictions=contradictions, spool=spool)


class _Sample:
    """The places of a label: all, a share, or the ones with the smallest hashes."""

    def __init__(self, seed: int, share: float, limit: int | None) -> None:
        self._seed = seed
        self._bound = int(share * 2**64)
        self._limit = limit
        #: Negated hashes, so that the largest is on top.
        self._heap: list[tuple[int, int, Place]] = []
        self._all: list[Place] = []

    def hash_of(self, text: str) -> int | None:
        """The hash of a text that is wanted, None for another."""
        hash_ = _hash(text, self._seed, b"sample")
        full = self._limit is not None and len(self._heap) >= self._limit
        if hash_ >= self._bound or (full and hash_ >= -self._heap[0][0]):
            return None
        return hash_

    def add(self, place: Place) -> None:
        if self._limit is None:
            self._all.append(place)
            return
        heapq.heappush(self._heap, (-place.hash, -place.offset, place))
        if len(self._heap) > self._limit:
            heapq.heappop(self._heap)

    @property
    def places(self) -> list[Place]:
        return self._all + [place for _, _, place in self._heap]


def _hash(text: str, seed: int, what: bytes) -> int:
    taken = hashlib.blake2b(text.encode(), digest_size=8, key=seed.to_bytes(32, "little"), person=what)
    return int.from_bytes(taken.digest(), "little")


def _read_file(
    document: File,
    folder: str,
    chosen: _Sample,
    label: Label,
    index: int,
    cleaning: list[str],
    spool: IO[bytes],
) -> None:
    local = storage.stage(document, folder)
    try:
        reader = _core.BatchReader(local, document.path, _core.Progress())
        parser = _core.BatchTagger([], 0, False, "fail")
        while (batch := reader.next()) is not None:
            lines, first, _ = batch
            wanted = []
            for _, _, text, *_ in parser.parse(lines, document.path, first):
                label.documents += 1
                if not text.strip():
                    label.empty += 1
                elif (hash_ := chosen.hash_of(text)) is not None:
                    wanted.append((hash_, text))
            for start in range(0, len(wanted), _CALL):
                _spool(wanted[start : start + _CALL], chosen, label, index, cleaning, spool)
    finally:
        if local != document.path and os.path.dirname(local) == folder:
            os.unlink(local)


def _spool(
    wanted: list[tuple[int, str]],
    chosen: _Sample,
    label: Label,
    index: int,
    cleaning: list[str],
    spool: IO[bytes],
) -> None:
    cleaned = _core.fasttext_clean([text for _, text in wanted], cleaning)
    for (hash_, _), text in zip(wanted, cleaned, strict=True):
        # What a trainer would take for a label or an end is no word of a text.
        words = [
            word
            for word in _BLANKS.split(text)
            if word and not word.startswith("__label__") and word != "</s>"
        ]
        if not words:
            label.empty += 1
            continue
        data = " ".join(words).encode()
        place = Place(hash_, spool.tell(), len(data), index)
        spool.write(data)
        chosen.add(place)


def _share_out(
    places: list[Place], labels: list[Label], seed: int, share: float
) -> tuple[list[Place], list[Place], int]:
    """Places to train on and places to hold out, and how many texts have more than one label."""
    bound = int(share * 2**64)
    training: list[Place] = []
    held_out: list[Place] = []
    contradictions = 0
    for before, place in zip([None, *places], places, strict=False):
        if before is not None and before.hash == place.hash and before.label != place.label:
            contradictions += 1
        if _hash(str(place.hash), seed, b"held out") < bound:
            held_out.append(place)
            labels[place.label].held_out += 1
        else:
            training.append(place)
            labels[place.label].trained += 1
    return training, held_out, contradictions
