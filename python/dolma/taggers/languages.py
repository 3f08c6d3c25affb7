"""Taggers over libraries that tell languages apart: CLD2, CLD3, langdetect and Lingua.

Each class wraps one library as a function from a text to languages with scores; what is common,
which is units, English alone, negatives and the score of the document, is in the base.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from ..document import DocResult, Document, Span, TextSlice
from ..splitting import split_paragraphs
from .base import BaseTagger

__all__ = ["Cld2", "Cld3", "Langdetect", "Lingua"]

_ENGLISH = "en"


class LanguageTagger(BaseTagger):
    """Spans for languages: of the document or of each paragraph that is not blank.

    `english` keeps English alone, with 0 where it was not found; `negatives` adds `not_<language>`
    with 1 - score; `doc_score` the mean of the paragraphs by their lengths; `above` keeps scores
    greater than it; `decimals` rounds.
    """

    def __init__(
        self,
        unit: str = "document",
        english: bool = False,
        negatives: bool | None = None,
        doc_score: bool = False,
        above: float | None = None,
        decimals: int | None = None,
    ) -> None:
        self.unit = unit
        self.english = english
        self.negatives = english if negatives is None else negatives
        self.doc_score = doc_score
        self.above = above
        self.decimals = decimals

    def languages(self, text: str) -> list[tuple[str, float]]:
        """The languages of a text with their scores, as the library orders them."""
        raise NotImplementedError

    def predict(self, doc: Document) -> DocResult:
        text = doc.text
        units = [TextSlice(text, 0, len(text))] if self.unit == "document" else split_paragraphs(text)
        spans = [
            Span(unit.start, unit.end, language, score)
            for unit in units
            for language, score in self._kept(self.languages(unit.text))
        ]
        if self.negatives:
            spans += [Span(span.start, span.end, f"not_{span.type}", 1.0 - span.score) for span in spans]
        if self.doc_score:
            spans += _document_scores(spans, len(text))
        return DocResult(doc, spans)

    def _kept(self, found: list[tuple[str, float]]) -> list[tuple[str, float]]:
        if self.english:
            found = [pair for pair in found if pair[0] == _ENGLISH] or [(_ENGLISH, 0.0)]
        if self.above is not None:
            found = [pair for pair in found if pair[1] > self.above]
        if self.decimals is not None:
            found = [(language, round(score, self.decimals)) for language, score in found]
        return found


def _document_scores(spans: list[Span], length: int) -> list[Span]:
    """The score of English over a document whose blank paragraphs count as none of it."""
    english = sum((span.end - span.start) * span.score for span in spans if span.type == _ENGLISH)
    score, rest = (english / length, 1.0 - english / length) if length else (0.0, 0.0)
    return [Span(0, length, f"doc_{_ENGLISH}", score), Span(0, length, f"doc_not_{_ENGLISH}", rest)]


class Cld2(LanguageTagger):
    """Compact Language Detector 2; scores are shares of the text.

    Languages are called by their codes or, without `codes`, by the first two letters of their English
    names, which are the codes of other languages at times.
    """

    def __init__(self, codes: bool = True, **options: Any) -> None:
        super().__init__(**options)
        import pycld2

        self._codes = codes

        self._library = pycld2

    def languages(self, text: str) -> list[tuple[str, float]]:
        # The library refuses some texts that are not fit for interchange.
        for read in (_as_it_is, _as_ascii, _without_controls):
            try:
                reliable, _, details = self._library.detect(read(text))
            except self._library.error:
                continue
            if not reliable:
                return []
            return [
                (code.lower() if self._codes else name[:2].lower(), percent / 100.0)
                for name, code, percent, _ in details
                if name != "UNKNOWN_LANGUAGE"
            ]
        return []


def _as_it_is(text: str) -> str:
    return text


def _as_ascii(text: str) -> str:
    import anyascii

    found: str = anyascii.anyascii(text)
    return found


def _without_controls(text: str) -> str:
    return re.sub("[\x00-\x1f\x7f-\x9f\ud800-\udfff]+", "", text)


class Cld3(LanguageTagger):
    """Compact Language Detector 3 on the first 1024 bytes, as pycld3 reads them."""

    MAX_BYTES = 1024

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        import gcld3

        self._identifier = gcld3.NNetLanguageIdentifier(min_num_bytes=0, max_num_bytes=self.MAX_BYTES)

    def languages(self, text: str) -> list[tuple[str, float]]:
        if not text:
            return []
        found = self._identifier.FindLanguage(text=text)
        return [] if found.language == "und" else [(found.language, float(found.probability))]


class Langdetect(LanguageTagger):
    """langdetect with the seed 0, for every text anew."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        from langdetect import PROFILES_DIRECTORY, DetectorFactory, LangDetectException

        self._factory = DetectorFactory()
        self._factory.load_profile(PROFILES_DIRECTORY)
        self._factory.set_seed(0)
        self._nothing = LangDetectException

    def languages(self, text: str) -> list[tuple[str, float]]:
        detector = self._factory.create()
        detector.append(text)
        try:
            found = detector.get_probabilities()
        except self._nothing:
            return []
        return [(language.lang.strip().lower(), float(language.prob)) for language in found]


class Lingua(LanguageTagger):
    """Lingua with all its languages."""

    def languages(self, text: str) -> list[tuple[str, float]]:
        found = _lingua().compute_language_confidence_values(text) or []
        return [(value.language.iso_code_639_1.name.lower(), float(value.value)) for value in found]


@functools.cache
def _lingua() -> Any:
    """The detector; its models are loaded once for a process, when they are first needed."""
    from lingua import LanguageDetectorBuilder

    return LanguageDetectorBuilder.from_all_languages().build()
