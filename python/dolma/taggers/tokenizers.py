"""Tokenizers of Hugging Face's library, and taggers over them: how many tokens, and which repeat.

The library is the extra `tokenizers`; a tokenizer is its one file, `tokenizer.json`. Documents are
encoded in batches. The library's own threads are switched off, because a run has as many processes
as its user asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

from tokenizers import Encoding, Tokenizer

from .. import _core
from ..document import DocResult, Document, Span
from .base import BaseTagger

__all__ = ["TokenCount", "TokenRepetitions", "encoder", "load"]

#: Code points that are encoded in one call; encodings take some hundred bytes for each token.
_BATCH = 1_000_000


def load(path: str) -> Tokenizer:
    """The tokenizer in a file, without truncation and padding.

    Raises `ValueError` for a file that is none.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    try:
        tokenizer = Tokenizer.from_file(path)
    except Exception as error:
        # The library raises nothing more precise.
        raise ValueError(f"{path} is not a tokenizer.json: {error}") from error
    # Lengths are those of whole documents, whatever the tokenizer was last used for.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def encoder(path: str) -> Callable[[str], list[int]]:
    """The ids of a text's tokens, without those that a tokenizer puts around a document.

    Raises `ValueError` as `load` does.
    """
    tokenizer = load(path)
    # Without offsets, where the library can leave them out; only batches let other threads run.
    encode = getattr(tokenizer, "encode_batch_fast", tokenizer.encode_batch)

    def ids(text: str) -> list[int]:
        found: list[int] = encode([text], add_special_tokens=False)[0].ids
        return found

    return ids


def _batches(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """The texts in order, in groups of up to `_BATCH` code points or one text."""
    first, size = 0, 0
    for at, text in enumerate(texts):
        if size and size + len(text) > _BATCH:
            yield texts[first:at]
            first, size = at, 0
        size += len(text)
    if first < len(texts):
        yield texts[first:]


class TokenCount(BaseTagger):
    """One span over the document: its number of tokens.

    `special_tokens` adds those that the tokenizer puts around a document; `strip` takes white space
    off its ends first, and gives 0 if nothing is left.
    """

    def __init__(
        self, tokenizer: str, type: str = "tokens", special_tokens: bool = False, strip: bool = False
    ) -> None:
        self.tokenizer = load(tokenizer)
        self.type = type
        self.special_tokens = special_tokens
        self.strip = strip

    def predict(self, doc: Document) -> DocResult:
        return self.predict_batch([doc])[0]

    def predict_batch(self, docs: Sequence[Document]) -> list[DocResult]:
        texts = [doc.text.strip() if self.strip else doc.text for doc in docs]
        counts: list[int] = []
        for batch in _batches(texts):
            # Without offsets, where the library can leave them out.
            encode = getattr(self.tokenizer, "encode_batch_fast", self.tokenizer.encode_batch)
            counts += map(len, encode(list(batch), add_special_tokens=self.special_tokens))
        if self.strip:
            counts = [count if text else 0 for count, text in zip(counts, texts, strict=True)]
        return [
            DocResult(doc, [Span(0, len(doc.text), self.type, count)])
            for doc, count in zip(docs, counts, strict=True)
        ]


class TokenRepetitions(BaseTagger):
    """Parts of a text whose tokens repeat 1 to 13 of them at least `times` times.

    `paragraphs` looks at each line by itself, with a space before it so that its first word has the
    token of a word inside a text; `piece` cuts long texts after so many code points. With
    `outermost`, parts within others (such as multiples of a period) are left out; `union` counts
    code points of overlapping parts once in the share; `always` writes the document's numbers where
    nothing was found, too.
    """

    #: The longest n-gram.
    LONGEST = 13

    def __init__(
        self,
        tokenizer: str,
        times: int = 3,
        paragraphs: bool = False,
        piece: int = 0,
        outermost: bool = False,
        union: bool = False,
        always: bool = True,
    ) -> None:
        if not isinstance(times, int) or times < 2:
            raise ValueError(f"times is {times!r}, but has to be a whole number from 2 on")
        self.tokenizer = load(tokenizer)
        self.times = times
        self.paragraphs = paragraphs
        self.piece = piece
        self.outermost = outermost
        self.union = union
        self.always = always

    def predict(self, doc: Document) -> DocResult:
        text = doc.text
        spans: list[Span] = []
        offset = 0
        pieces = list(self._pieces(text))
        for batch in _batches(pieces):
            prefixed = [f" {piece}" for piece in batch] if self.paragraphs else list(batch)
            for piece, encoding in zip(
                batch, self.tokenizer.encode_batch(prefixed, add_special_tokens=False), strict=True
            ):
                spans += self._repetitions(encoding, offset)
                offset += len(piece)
        if self.always or spans:
            spans += self._numbers(spans, len(text))
        return DocResult(doc, spans)

    def _pieces(self, text: str) -> Iterator[str]:
        if self.paragraphs:
            # Not `splitlines`, which knows more than the newline.
            *lines, last = text.split("\n")
            yield from (f"{line}\n" for line in lines)
            yield from filter(None, [last])
        elif self.piece:
            for start in range(0, len(text), self.piece):
                yield text[start : start + self.piece]
        elif text:
            yield text

    def _repetitions(self, encoding: Encoding, offset: int) -> list[Span]:
        if self.paragraphs:
            # The space that was put before the text stands where the newline before it does; before the
            # first line there is none.
            offset -= 1
        spans = []
        offsets = encoding.offsets
        for first, behind, period in _core.repeated_parts(encoding.ids, self.LONGEST, self.times):
            start = max(offset + offsets[first][0], 0)
            end = max(offset + offsets[behind - 1][1], start)
            spans.append(Span(start, end, "repetition", (behind - first) // period))
        return _outermost(spans) if self.outermost else spans

    def _numbers(self, spans: list[Span], length: int) -> list[Span]:
        lengths = [span.end - span.start for span in spans]
        covered = _covered(spans) if self.union else sum(lengths)
        scores = {
            "doc_max_score_repetition": max((span.score for span in spans), default=0.0),
            "doc_max_length_repetition": max(lengths, default=0),
            "doc_frac_repetition": covered / length if length else 0.0,
        }
        return [Span(0, length, name, score) for name, score in scores.items()]


def _outermost(spans: list[Span]) -> list[Span]:
    """The spans that lie in no other, in order; of equal ones that with the largest score."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda span: (span.start, -span.end, -span.score)):
        if not kept or span.end > kept[-1].end:
            kept.append(span)
    return kept


def _covered(spans: list[Span]) -> int:
    covered, end = 0, 0
    for span in sorted(spans, key=lambda span: span.start):
        covered += max(0, span.end - max(span.start, end))
        end = max(end, span.end)
    return covered


def __getattr__(name: str) -> type[BaseTagger]:
    """The published classes, whose module has this name, too."""
    from .published import export

    return export("tokenizers", name)
