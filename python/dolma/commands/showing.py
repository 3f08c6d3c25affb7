"""`dolma tag --text`: the spans of taggers on one document, on the screen; no file is written."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ..config.tag import TagConfig
from ..errors import DolmaConfigError
from ..taggers.plan import PlannedTagger
from ..taggers.trial import Found, Trial

__all__ = ["show"]

#: What stands for the text on standard input.
STANDARD_INPUT = "-"
#: Code points of the text around a span that are shown, and of the span itself.
AROUND, INSIDE = 32, 64
#: How a span is marked on a terminal (inverse), and elsewhere.
MARKS = {True: ("\x1b[7m", "\x1b[0m"), False: ("[", "]")}


def show(config: TagConfig, taggers: list[PlannedTagger]) -> None:
    """Prints what taggers find in the text of the config.

    Raises `DolmaShardError` when one fails on it.
    """
    document = _document(config.text or "")
    trial = Trial(
        taggers,
        config.tagger_modules,
        timeout=config.tagger_timeout,
        fetch_assets=config.fetch_assets,
        assets_lock=config.assets_lock,
    )
    (found,) = trial.documents([document])
    for name, types in found.items():
        print(name if types else f"{name}: nothing")
        for kind, spans in types.items():
            for line in _lines(kind, spans, document["text"], MARKS[sys.stdout.isatty()]):
                print(f"  {line}")


def _document(given: str) -> dict[str, Any]:
    """The document to be tagged: a text, or a line of a document file."""
    if given == STANDARD_INPUT:
        data = sys.stdin.buffer.read()
        try:
            # The newline is the shell's.
            given = data.decode("utf-8").removesuffix("\n")
        except UnicodeDecodeError as error:
            raise DolmaConfigError(f"text: standard input is not UTF-8: {error}") from error
    if given.startswith("{"):
        try:
            record = msgspec.json.decode(given)
        except msgspec.DecodeError:
            record = {}
        if isinstance(record.get("text"), str):
            return {"id": "text", **record}
    return {"id": "text", "text": given}


def _lines(kind: str, spans: Sequence[Found], text: str, marks: tuple[str, str]) -> Iterator[str]:
    """A type and its spans: scores of the whole text in one line, others with what they mark."""
    whole = [span for span in spans if (span.start, span.end) == (0, len(text))]
    scores = ", ".join(f"{span.score:g}" for span in whole)
    yield f"{kind}  {scores}".rstrip()
    for span in spans:
        if span not in whole:
            yield f"  {span.start}:{span.end}  {span.score:g}  {_excerpt(span, text, marks)}"


def _excerpt(span: Found, text: str, marks: tuple[str, str]) -> str:
    before = text[max(0, span.start - AROUND) : span.start]
    inside = text[span.start : span.end]
    after = text[span.end : span.end + AROUND]
    if len(inside) > INSIDE:
        inside = f"{inside[: INSIDE // 2]} … {inside[-INSIDE // 2 :]}"
    left = "…" if span.start > AROUND else ""
    right = "…" if span.end + AROUND < len(text) else ""
    return f"{left}{_visible(before)}{marks[0]}{_visible(inside)}{marks[1]}{_visible(after)}{right}"


def _visible(text: str) -> str:
    """`text` on one line; nothing in it can move the cursor or colour the screen."""
    return "".join(
        letter
        if letter.isprintable()
        else "⏎"
        if letter == "\n"
        else letter.encode("unicode_escape").decode()
        for letter in text
    )
