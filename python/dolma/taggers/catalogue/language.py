"""Declarations of the taggers that tell languages apart."""

from __future__ import annotations

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]

_LANGUAGE = """
A fastText language model (Joulin et al. 2017; 176 languages) on the lower-cased text.
"""

_ENGLISH = (AttributeType(name="{en,not_en}", unit="document", meaning="probability", always=True),)
_ENGLISH_PARAGRAPHS = (AttributeType(name="{en,not_en}", unit="paragraph", meaning="probability"),)
_ENGLISH_DOC = (
    AttributeType(
        name="doc_{en,not_en}", unit="document", meaning="mean over paragraphs, by length", always=True
    ),
)
_ANY = AttributeType(name="*", unit="document", meaning="probability of the language of this code")

TAGGERS = (
    Kernel(
        name="ft_lang_id_en_doc_v2",
        family="language",
        cost="heavy",
        outputs=_ENGLISH,
        kernel="fasttext",
        doc="How English the document is: `en` and `not_en` (lid.176.bin).\n" + _LANGUAGE,
        assets={"model": "lid.176.bin"},
        options={
            "lowercase": True,
            "separators": "fasttext",
            "labels": ["en"],
            "missing": 0.0,
            "negatives": True,
            "strip_label_prefix": True,
        },
    ),
    Kernel(
        name="ft_lang_id_en_paragraph_with_doc_score_v2",
        family="language",
        cost="heavy",
        outputs=(*_ENGLISH_PARAGRAPHS, *_ENGLISH_DOC),
        kernel="fasttext",
        doc="How English each paragraph is (`en`, `not_en`), and the document by their lengths (`doc_en`, "
        "`doc_not_en`; lid.176.bin).\n" + _LANGUAGE,
        assets={"model": "lid.176.bin"},
        options={
            "unit": "paragraph",
            "lowercase": True,
            "separators": "fasttext",
            "labels": ["en"],
            "missing": 0.0,
            "negatives": True,
            "strip_label_prefix": True,
            "doc_score": True,
        },
    ),
    Kernel(
        name="lang_id_doc_v1",
        family="language",
        cost="heavy",
        outputs=(_ANY,),
        kernel="fasttext",
        doc="The languages of the document with a score above 0.01, by code; works offline (lid.176.ftz).\n"
        + _LANGUAGE,
        assets={"model": "lid.176.ftz"},
        options={"lowercase": True, "separators": "fasttext", "above": 0.01, "strip_label_prefix": True},
    ),
    Kernel(
        name="lang_id_en_paragraph_with_doc_score_v1",
        family="language",
        cost="heavy",
        outputs=(*_ENGLISH_PARAGRAPHS, *_ENGLISH_DOC),
        kernel="fasttext",
        doc="As `ft_lang_id_en_paragraph_with_doc_score_v2`, with the model that comes with dolma (lid.176.ftz).\n"
        + _LANGUAGE,
        assets={"model": "lid.176.ftz"},
        options={
            "unit": "paragraph",
            "lowercase": True,
            "separators": "fasttext",
            "labels": ["en"],
            "missing": 0.0,
            "negatives": True,
            "strip_label_prefix": True,
            "doc_score": True,
        },
    ),
)
