"""Perplexity under an n-gram model (KenLM), as CCNet measures it (Wenzek et al. 2020)."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from .. import assets
from ..document import DocResult, Document, Span
from ..errors import DolmaAssetError, DolmaConfigError
from .base import BaseTagger

__all__ = ["KenlmPerplexity", "normalize"]

#: Punctuation of other scripts and of typesetters, by that of ASCII.
_PUNCTUATION = str.maketrans(
    {
        **dict.fromkeys("\uff0c\u3001\u060c", ","),
        **dict.fromkeys("\u3002\uff0e", "."),
        **dict.fromkeys("\u201e\u201d\u201c\u00ab\u00bb\u300a\u300b\u300c\u300d\uff02", '"'),
        **dict.fromkeys("\u2018\u2019\u00b4\u2032\uff07", "'"),
        **dict.fromkeys("\u2013\u2014\u2012\u2015\u2212\uff0d", "-"),
        **dict.fromkeys("\uff1a\u2236", ":"),
        **dict.fromkeys("\uff1b\u061b", ";"),
        **dict.fromkeys("\uff1f\u061f", "?"),
        **dict.fromkeys("\uff08\u3010\u3014", "("),
        **dict.fromkeys("\uff09\u3011\u3015", ")"),
        **dict.fromkeys("\u2022\u25cf\u25a0\u00b7", "-"),
        "\uff01": "!",
        "\uff05": "%",
        "\uff5e": "~",
        "\uff1c": "<",
        "\uff1e": ">",
        "\u3008": "<",
        "\u3009": ">",
        "\u2026": "...",
    }
)
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f]")
_DIGIT = re.compile(r"\d")


def normalize(
    line: str, *, lowercase: bool, strip_accents: bool, zero_digits: bool, ascii_punctuation: bool
) -> str:
    """A line as a model of CCNet reads it: stripped, and what the arguments say; no control characters."""
    line = line.strip()
    if lowercase:
        line = line.lower()
    if strip_accents and not line.isascii():
        line = "".join(c for c in unicodedata.normalize("NFD", line) if unicodedata.category(c) != "Mn")
    if zero_digits:
        line = _DIGIT.sub("0", line)
    if ascii_punctuation:
        line = line.translate(_PUNCTUATION)
    return _CONTROLS.sub("", line)


class KenlmPerplexity(BaseTagger):
    """One span `perplexity` for each document that has a line to read."""

    def __init__(
        self,
        model: str,
        sentencepiece: str | None = None,
        lowercase: bool = True,
        strip_accents: bool = True,
        zero_digits: bool = True,
        ascii_punctuation: bool = True,
    ) -> None:
        import kenlm

        try:
            self._model: Any = kenlm.Model(model)
        except (OSError, RuntimeError) as error:
            raise DolmaAssetError(f"{model} is no model of KenLM: {error}") from error
        self._pieces = _sentencepiece(assets.resolve(sentencepiece)) if sentencepiece else None
        self._options = {
            "lowercase": lowercase,
            "strip_accents": strip_accents,
            "zero_digits": zero_digits,
            "ascii_punctuation": ascii_punctuation,
        }

    def predict(self, doc: Document) -> DocResult:
        log10, words = 0.0, 0
        for line in doc.text.split("\n"):
            line = normalize(line, **self._options)
            if self._pieces is not None:
                line = " ".join(self._pieces.encode(line, out_type=str))
            if line := " ".join(line.split()):
                log10 += self._model.score(line)
                # The end of a line is a word of the model's.
                words += line.count(" ") + 2
        if not words:
            return DocResult(doc, [])
        # What a model thinks impossible is not infinite in a file.
        perplexity = 10.0 ** min(-log10 / words, 300.0)
        return DocResult(doc, [Span(0, len(doc.text), "perplexity", perplexity)])


def _sentencepiece(path: str) -> Any:
    try:
        import sentencepiece
    except ImportError as error:
        raise DolmaConfigError(
            "the option sentencepiece needs sentencepiece: pip install sentencepiece"
        ) from error
    return sentencepiece.SentencePieceProcessor(model_file=path)
