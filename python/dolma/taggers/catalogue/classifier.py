"""Declarations of the quality and toxicity classifiers."""

from __future__ import annotations

from math import inf

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]

_LABEL = AttributeType(name="*", unit="document", meaning="probability of the label of this name")
_MATCH = AttributeType(name="match", unit="match", meaning="a word or phrase of the list", low=1)
_COUNT = AttributeType(name="doc_count", unit="document", meaning="matches", high=inf, always=True)
_FRACTION = AttributeType(name="doc_frac", unit="document", meaning="matches by words", high=inf, always=True)

TAGGERS = (
    Kernel(
        name="quality_fasttext_v1",
        family="classifier",
        cost="heavy",
        outputs=(_LABEL,),
        kernel="fasttext",
        doc="The labels of a quality classifier, any fastText model (.bin, .ftz), over the document.\n\n"
        "One span for each label; set the model under `tagger_options`.",
        assets={"model": None},
        settable=(
            "unit",
            "lowercase",
            "labels",
            "top_k",
            "threshold",
            "negatives",
            "missing",
            "strip_label_prefix",
        ),
    ),
    Kernel(
        name="toxicity_fasttext_v1",
        family="classifier",
        cost="heavy",
        outputs=(_LABEL,),
        kernel="fasttext",
        doc="The labels of a toxicity classifier, any fastText model (.bin, .ftz), over the document.\n\n"
        "One span for each label; set the model under `tagger_options`.",
        assets={"model": None},
        settable=(
            "unit",
            "lowercase",
            "labels",
            "top_k",
            "threshold",
            "negatives",
            "missing",
            "strip_label_prefix",
        ),
    ),
    Kernel(
        name="toxicity_wordlist_v1",
        family="classifier",
        cost="moderate",
        outputs=(_MATCH, _COUNT, _FRACTION),
        kernel="wordlist",
        doc="Words and phrases of a list (by default the English LDNOOBW list), as whole words.\n\n"
        "`match`: each hit, score 1.0; `doc_count`: number of hits; `doc_frac`: their share of the words. Set another "
        "list\n(one word or phrase a line) under `tagger_options`.",
        assets={"path": "naughty_words_en.txt"},
        settable=("unit",),
    ),
)
