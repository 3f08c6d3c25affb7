"""Declarations of the quality and toxicity classifiers."""

from __future__ import annotations

from math import inf
from typing import Any

from ..declaration import AttributeType, Declaration, Kernel, PythonTagger

__all__ = ["TAGGERS"]

_LABEL = AttributeType(name="*", unit="document", meaning="probability of the label of this name")
_SENTENCE_LABEL = AttributeType(name="*", unit="sentence", meaning="probability of the label of this name")
_MATCH = AttributeType(name="match", unit="match", meaning="a word or phrase of the list", low=1)
_COUNT = AttributeType(name="doc_count", unit="document", meaning="matches", high=inf, always=True)
_FRACTION = AttributeType(
    name="doc_frac", unit="document", meaning="words of matches by words", high=inf, always=True
)
_QUALITY = AttributeType(name="score", unit="document", meaning="probability of high quality")
_UNIT_LABEL = AttributeType(
    name="*", unit="match", meaning="probability of the label of this name, over each unit"
)

#: What users may set where the model is their own.
_OWN = (
    "unit",
    "labels",
    "other",
    "label_codes",
    "top_k",
    "threshold",
    "above",
    "round",
    "missing",
    "negatives",
    "doc_score",
    "score_of",
    "strip_label_prefix",
    "separators",
    "lowercase",
    "strip_accents",
    "zero_digits",
    "split_punctuation",
)

_ANY_MODEL = """
One span for each label. Set the model under `tagger_options`; one that `dolma train fasttext` made is called
by its name, and its texts are cleaned as in training. `unit` is document, paragraph, line or sentence; `labels`,
`top_k`, `threshold` and `above` choose labels; `score_of` makes one `score` of two labels; `lowercase`,
`strip_accents`, `zero_digits` and `split_punctuation` clean the text; `label_codes` and `other` are for languages
(see `lang_id_v2`).
"""


def _own(name: str, what: str) -> Kernel:
    return Kernel(
        name=name,
        family="classifier",
        cost="heavy",
        outputs=(_UNIT_LABEL,),
        kernel="fasttext",
        doc=f"The labels of {what}, any fastText model (.bin, .ftz), over the document or parts of it.\n"
        + _ANY_MODEL,
        assets={"model": None},
        settable=_OWN,
        cards=True,
    )


_JIGSAW = (
    "\nA fastText model of word bigrams by the Dolma authors, trained on the Jigsaw toxic comments; two labels "
    "`__label__*`,\nthat without `non` in its name first."
)
_JIGSAW_MODELS = {
    "hatespeech": "jigsaw_fasttext_bigrams_hatespeech_final.bin",
    "nsfw": "jigsaw_fasttext_bigrams_nsfw_final.bin",
}
_WHAT = {"hatespeech": "Toxic speech", "nsfw": "Obscene speech"}


def _jigsaw(name: str, kind: str, doc: str, **options: Any) -> Kernel:
    return Kernel(
        name=name,
        family="classifier",
        cost="heavy",
        outputs=(_SENTENCE_LABEL if options else _LABEL,),
        kernel="fasttext",
        doc=f"{_WHAT[kind]} in {doc}: the two labels of the model.\n" + _JIGSAW,
        assets={"model": _JIGSAW_MODELS[kind]},
        options={"separators": "fasttext", "last": "non", **options},
    )


def _jigsaw_published(name: str, kind: str) -> PythonTagger:
    return PythonTagger(
        name=name,
        family="classifier",
        cost="heavy",
        outputs=(_SENTENCE_LABEL,),
        extra="sentences",
        requires=("blingfire",),
        target="dolma.taggers.sentences:JigsawSentences",
        doc=f"{_WHAT[kind]} in each sentence (BlingFire's): the two labels of the model.\n"
        + _JIGSAW
        + "\nThe name is the published one. Sentences come from the library that the published tagger takes; its "
        "other\nsplitter, NLTK's, is not used, so that results do not depend on what is installed. The tagger of "
        "version 3 runs in\nthe engine, with sentences by Unicode's rules.",
        assets={"model": _JIGSAW_MODELS[kind]},
    )


_ULTRA_FINEWEB = (
    "\nThe classifier of Ultra-FineWeb (Wang et al. 2025, openbmb/Ultra-FineWeb-classifier), cleaning as in its "
    "published\nscript: runs of three newlines and more become two, lower case, NFKD without marks, then the text of "
    "each token of\nthe tokenizer (DeepSeek-V2's) as a word, line breaks and tabs written out as `\\n`, `\\r`, "
    "`\\t`. The score is that of\nthe better label, or 1 minus it where that is `neg`. No threshold is published "
    "with the model."
)


def _ultra_fineweb(language: str, name: str) -> PythonTagger:
    return PythonTagger(
        name=name,
        family="classifier",
        cost="heavy",
        outputs=(_QUALITY,),
        extra="tokenizers",
        requires=("tokenizers",),
        target="dolma.taggers.ultra_fineweb:UltraFineWeb",
        doc=f"Quality by the classifier of Ultra-FineWeb for {language}: `score`.\n" + _ULTRA_FINEWEB,
        assets={
            "model": f"ultra_fineweb_{name.split('_')[2]}.bin",
            "tokenizer": "deepseek-v2-tokenizer.json",
        },
    )


TAGGERS: tuple[Declaration, ...] = (
    _own("quality_fasttext_v1", "a quality classifier"),
    _own("toxicity_fasttext_v1", "a toxicity classifier"),
    Kernel(
        name="toxicity_wordlist_v1",
        family="classifier",
        cost="moderate",
        outputs=(_MATCH, _COUNT, _FRACTION),
        kernel="wordlist",
        doc="Words and phrases of a list (by default the English LDNOOBW list), as whole words.\n\n"
        "`match`: each hit, score 1.0; `doc_count`: number of hits; `doc_frac`: the words in them, as a share of "
        "the words. Set another\nlist (one word or phrase a line) under `tagger_options`.",
        assets={"path": "naughty_words_en.txt"},
        settable=("unit",),
    ),
    _jigsaw("jigsaw_hatespeech_document_v2", "hatespeech", "the document"),
    _jigsaw("jigsaw_nsfw_document_v1", "nsfw", "the document"),
    _jigsaw_published("jigsaw_hatespeech_sentence_v2", "hatespeech"),
    _jigsaw_published("jigsaw_nsfw_sencence_v2", "nsfw"),
    _jigsaw("jigsaw_hatespeech_sentence_v3", "hatespeech", "each sentence (UAX-29)", unit="sentence"),
    _jigsaw("jigsaw_nsfw_sentence_v3", "nsfw", "each sentence (UAX-29)", unit="sentence"),
    Kernel(
        name="dclm-oh-eli5",
        family="classifier",
        cost="heavy",
        outputs=(_QUALITY,),
        kernel="fasttext",
        doc="Quality by the classifier of DCLM-Baseline (Li et al. 2024): `score`.\n\n"
        "A fastText model of word bigrams, OpenHermes 2.5 and r/ExplainLikeImFive against RefinedWeb; all lines of "
        "the text\nas one. The score is the probability of `hq`, or 1 minus that of `cc` where that is the better "
        "label. DCLM-Baseline\nkeeps the best tenth of its documents, which are those above 0.018112.",
        assets={"model": "openhermes_reddit_eli5_vs_rw_v2_bigram_200k_train.bin"},
        options={"separators": "lines", "score_of": "__label__hq"},
    ),
    Kernel(
        name="dolma17-quality",
        family="classifier",
        cost="heavy",
        outputs=(_LABEL,),
        kernel="fasttext",
        doc="The labels of the quality classifier of Dolma 1.7, each with its score.\n\n"
        "A fastText model that tells web pages from Wikipedia, its references, software, papers, adult and false "
        "news,\nmathematics, books and instructions. An empty text has the scores of no words; the published "
        "tagger fails there.",
        assets={"model": "cc_wiki_wikiref_sw_pes2o_adult_fakenews_math_books_openhermes.bin"},
        options={"separators": "unicode", "strip_label_prefix": True},
    ),
    _ultra_fineweb("English", "ultra_fineweb_en_v1"),
    _ultra_fineweb("Chinese", "ultra_fineweb_zh_v1"),
)
