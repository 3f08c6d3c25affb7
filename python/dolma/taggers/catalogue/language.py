"""Declarations of the taggers that tell languages apart.

fastText models run in the engine; CLD2, CLD3, langdetect and Lingua are libraries behind extras.
"""

from __future__ import annotations

from typing import Any

from ..declaration import AttributeType, Declaration, Kernel, PythonTagger, Unit

__all__ = ["TAGGERS"]

#: Where a model of 176 languages is full precision, and where it comes with dolma.
LID_FULL, LID_SMALL = "lid.176.bin", "lid.176.ftz"

_PUBLISHED = {"lowercase": True, "separators": "fasttext", "strip_label_prefix": True}
_ENGLISH = {**_PUBLISHED, "labels": ["en"], "missing": 0.0}

_FASTTEXT = (
    "\nA fastText language model (Joulin et al. 2017; 176 languages) on the lower-cased text; it runs in the "
    "engine, with\nthe bits of the reference. `tagger_options.{name}.model` takes another model."
)
_CLD2 = (
    "\nCompact Language Detector 2 (83 languages, naive Bayes over quadgrams), by the package pycld2. At most "
    "three\nlanguages, scored by the share of the text that is theirs, and only where the library calls its "
    "answer\nreliable. A text that it refuses is tried again as ASCII, then without control characters."
    "\nVersion 2, as published, calls languages by the first two letters of their English names: `ge` is German, "
    "`es` Estonian.\nVersion 3 has their codes."
)
_CLD3 = (
    "\nCompact Language Detector 3 (107 languages, a small neural network), on the first 1024 bytes. The "
    "published tagger\nuses pycld3, which no longer builds; this one uses its maintained successor cld3-py "
    "(module gcld3), with the same\nnetwork and limits. A text in which no language can be told has `en` 0; "
    "the published tagger fails there."
)
_LANGDETECT = (
    "\nlangdetect (55 languages, naive Bayes over character n-grams of up to three), seed 0. Where it finds "
    "nothing to\nread there is no language."
)
_LINGUA = (
    "\nLingua (75 languages, character n-grams of up to five), all languages of the library. Its values differ in "
    "the last\ndecimals from version to version."
)


def _any(unit: Unit, meaning: str = "probability of the language of this code") -> AttributeType:
    return AttributeType(name="*", unit=unit, meaning=meaning)


def _english(unit: Unit, *, negative: bool = True) -> AttributeType:
    name = "{en,not_en}" if negative else "en"
    always = unit == "document"
    return AttributeType(name=name, unit=unit, meaning="probability of English, or of not", always=always)


_ENGLISH_DOC = AttributeType(
    name="doc_{en,not_en}",
    unit="document",
    meaning="mean over paragraphs, by length",
    # Paragraphs that do not count for English leave a rest of rounding.
    always=True,
)


def _fasttext(name: str, doc: str, outputs: tuple[AttributeType, ...], **options: Any) -> Kernel:
    return Kernel(
        name=name,
        family="language",
        cost="heavy",
        outputs=outputs,
        kernel="fasttext",
        doc=doc + "\n" + _FASTTEXT.format(name=name),
        assets={"model": LID_FULL},
        options={**_PUBLISHED, **options},
    )


def _library(
    name: str, library: str, doc: str, outputs: tuple[AttributeType, ...], **options: Any
) -> PythonTagger:
    target, extra, modules, about = _LIBRARIES[library]
    return PythonTagger(
        name=name,
        family="language",
        cost="heavy",
        outputs=outputs,
        doc=doc + "\n" + about,
        target=f"dolma.taggers.languages:{target}",
        extra=extra,
        requires=modules,
        options=options,
    )


#: Class, extra, modules and documentation of each library.
_LIBRARIES = {
    "cld2": ("Cld2", "cld2", ("pycld2", "anyascii"), _CLD2),
    "cld3": ("Cld3", "cld3", ("gcld3",), _CLD3),
    "langdetect": ("Langdetect", "langdetect", ("langdetect",), _LANGDETECT),
    "lingua": ("Lingua", "lingua", ("lingua",), _LINGUA),
}

_SHARE = "share of the text in the language of this code"
_NEGATIVES = {"missing": 0.0, "labels": ["en"], "negatives": True}
_PARAGRAPHS = {"unit": "paragraph"}
_ENGLISH_ONLY = {"english": True}

_PUBLISHED_FASTTEXT: tuple[Declaration, ...] = (
    _fasttext("ft_lang_id_doc_v1", "Every language of lid.176.bin with its score.", (_any("document"),)),
    _fasttext(
        "ft_lang_id_paragraph_v1",
        "Every language of lid.176.bin with its score, for each paragraph.",
        (_any("paragraph"),),
        **_PARAGRAPHS,
    ),
    _fasttext(
        "ft_lang_id_1e2",
        "The languages of the document with a score above 0.01 (lid.176.bin), rounded to 0.01.",
        (_any("document"),),
        above=0.01,
        round=2,
    ),
    _fasttext(
        "ft_lang_id_en_doc_v2",
        "How English the document is: `en` and `not_en` (lid.176.bin).",
        (_english("document"),),
        **_NEGATIVES,
    ),
    _fasttext(
        "ft_lang_id_en_only_v2",
        "How English the document is: `en` (lid.176.bin).",
        (_english("document", negative=False),),
        labels=["en"],
        missing=0.0,
    ),
    _fasttext(
        "ft_lang_id_en_paragraph_v2",
        "How English each paragraph is: `en` and `not_en` (lid.176.bin).",
        (_english("paragraph"),),
        **_NEGATIVES,
        **_PARAGRAPHS,
    ),
    _fasttext(
        "ft_lang_id_en_paragraph_with_doc_score_v2",
        "How English each paragraph is (`en`, `not_en`), and the document by their lengths (`doc_en`, "
        "`doc_not_en`; lid.176.bin).",
        (_english("paragraph"), _ENGLISH_DOC),
        **_NEGATIVES,
        **_PARAGRAPHS,
        doc_score=True,
    ),
)

_PUBLISHED_LIBRARIES: tuple[Declaration, ...] = (
    _library(
        "cld2_doc_v2",
        "cld2",
        "The languages of the document (CLD2), by the first two letters of their names.",
        (_any("document", _SHARE),),
        codes=False,
    ),
    _library(
        "cld2_paragraph_v2",
        "cld2",
        "The languages of each paragraph (CLD2), by the first two letters of their names.",
        (_any("paragraph", _SHARE),),
        **_PARAGRAPHS,
        codes=False,
    ),
    _library(
        "cld2_en_doc_v2",
        "cld2",
        "How English the document is: `en` and `not_en` (CLD2).",
        (_english("document"),),
        **_ENGLISH_ONLY,
    ),
    _library(
        "cld2_en_paragraph_v2",
        "cld2",
        "How English each paragraph is: `en` and `not_en` (CLD2).",
        (_english("paragraph"),),
        **_ENGLISH_ONLY,
        **_PARAGRAPHS,
    ),
    _library(
        "cld2_en_paragraph_with_doc_score_v2",
        "cld2",
        "How English each paragraph is, and the document by their lengths (CLD2).",
        (_english("paragraph"), _ENGLISH_DOC),
        **_ENGLISH_ONLY,
        **_PARAGRAPHS,
        doc_score=True,
    ),
    _library(
        "cld3_en_doc_v2",
        "cld3",
        "How English the document is: `en` and `not_en` (CLD3).",
        (_english("document"),),
        **_ENGLISH_ONLY,
    ),
    _library(
        "cld3_en_paragraph_v2",
        "cld3",
        "How English each paragraph is: `en` and `not_en` (CLD3).",
        (_english("paragraph"),),
        **_ENGLISH_ONLY,
        **_PARAGRAPHS,
    ),
    _library(
        "cld3_en_paragraph_with_doc_score_v2",
        "cld3",
        "How English each paragraph is, and the document by their lengths (CLD3).",
        (_english("paragraph"), _ENGLISH_DOC),
        **_ENGLISH_ONLY,
        **_PARAGRAPHS,
        doc_score=True,
    ),
    _library(
        "langdetect_doc_v1", "langdetect", "The languages of the document (langdetect).", (_any("document"),)
    ),
    _library(
        "langdetect_paragraph_v1",
        "langdetect",
        "The languages of each paragraph (langdetect).",
        (_any("paragraph"),),
        **_PARAGRAPHS,
    ),
    _library(
        "langdetect_doc_en_v1",
        "langdetect",
        "How English the document is: `en` and `not_en` (langdetect).",
        (_english("document"),),
        **_ENGLISH_ONLY,
    ),
    _library(
        "langdetect_en_paragraph_v1",
        "langdetect",
        "How English each paragraph is: `en` and `not_en` (langdetect).",
        (_english("paragraph"),),
        **_ENGLISH_ONLY,
        **_PARAGRAPHS,
    ),
    _library("lingua_doc_v1", "lingua", "Every language of Lingua with its confidence.", (_any("document"),)),
    _library(
        "lingua_par_v1",
        "lingua",
        "Every language of Lingua with its confidence, for each paragraph.",
        (_any("paragraph"),),
        **_PARAGRAPHS,
    ),
    _library(
        "lingua_1e2",
        "lingua",
        "The languages of the document with a confidence above 0.01 (Lingua), rounded to 0.01.",
        (_any("document"),),
        above=0.01,
        decimals=2,
    ),
    _library(
        "lingua_doc_en_v1",
        "lingua",
        "How English the document is: `en` and `not_en` (Lingua).",
        (_english("document"),),
        **_ENGLISH_ONLY,
    ),
    _library(
        "lingua_en_only_v1",
        "lingua",
        "How English the document is: `en` (Lingua).",
        (_english("document", negative=False),),
        **_ENGLISH_ONLY,
        negatives=False,
    ),
    _library(
        "lingua_en_par_v1",
        "lingua",
        "How English each paragraph is: `en` and `not_en` (Lingua).",
        (_english("paragraph"),),
        **_ENGLISH_ONLY,
        **_PARAGRAPHS,
    ),
)

_SETS = (
    "\nWith `labels`, a set of languages by any of their codes (`en`, `eng`, `eng_Latn`), and `other: true`, "
    "the document has\nthe score of each of them and that of all others together, `other`. `label_codes` says how "
    "languages are called:\n`iso639_1` (the default: `en`, three letters where there are not two), `iso639_3` "
    "(`eng`) or `model`; labels that\nbecome one, as two scripts of a language, are added up. The text is read as "
    "it is unless `lowercase` is on."
)
_SETTABLE = (
    "unit",
    "labels",
    "other",
    "label_codes",
    "above",
    "top_k",
    "threshold",
    "lowercase",
    "missing",
    "negatives",
    "doc_score",
)
_SCORES = (AttributeType(name="*", unit="document", meaning="probability of the language, or of all others"),)

_ADDED: tuple[Declaration, ...] = (
    _library(
        "cld2_doc_v3", "cld2", "The languages of the document (CLD2), by code.", (_any("document", _SHARE),)
    ),
    _library(
        "cld2_paragraph_v3",
        "cld2",
        "The languages of each paragraph (CLD2), by code.",
        (_any("paragraph", _SHARE),),
        **_PARAGRAPHS,
    ),
    Kernel(
        name="lang_id_doc_v1",
        family="language",
        cost="heavy",
        outputs=(_any("document"),),
        kernel="fasttext",
        doc="The languages of the document with a score above 0.01, by code; works offline (lid.176.ftz).\n"
        + _FASTTEXT.format(name="lang_id_doc_v1"),
        assets={"model": LID_SMALL},
        options={**_PUBLISHED, "above": 0.01},
    ),
    Kernel(
        name="lang_id_en_paragraph_with_doc_score_v1",
        family="language",
        cost="heavy",
        outputs=(_english("paragraph"), _ENGLISH_DOC),
        kernel="fasttext",
        doc="As `ft_lang_id_en_paragraph_with_doc_score_v2`, with the model that comes with dolma (lid.176.ftz).\n"
        + _FASTTEXT.format(name="lang_id_en_paragraph_with_doc_score_v1"),
        assets={"model": LID_SMALL},
        options={**_ENGLISH, "negatives": True, "unit": "paragraph", "doc_score": True},
    ),
    Kernel(
        name="lang_id_v2",
        family="language",
        cost="heavy",
        outputs=_SCORES,
        kernel="fasttext",
        doc="Languages by any fastText model, called by their codes, or a set of them (lid.176.ftz).\n"
        + _SETS,
        assets={"model": LID_SMALL},
        options={"strip_label_prefix": True, "label_codes": "iso639_1", "above": 0.01},
        settable=_SETTABLE,
    ),
    Kernel(
        name="lang_id_glotlid_v1",
        family="language",
        cost="heavy",
        outputs=_SCORES,
        kernel="fasttext",
        doc="Languages by GlotLID (Kargaran et al. 2023; over 2000 labels such as `eng_Latn`).\n" + _SETS,
        assets={"model": "glotlid_v3.bin"},
        options={"strip_label_prefix": True, "label_codes": "model", "above": 0.01},
        settable=_SETTABLE,
    ),
)

TAGGERS = (*_PUBLISHED_FASTTEXT, *_PUBLISHED_LIBRARIES, *_ADDED)
