"""Declarations of taggers over neural and n-gram models."""

from __future__ import annotations

from math import inf

from ..declaration import AttributeType, Declaration, PythonTagger

__all__ = ["TAGGERS"]

_SETTABLE = ("model", "revision", "max_length", "batch_size", "device", "dtype", "threads", "labels")
_PIN = "dolma.taggers.hugging_face:pinned"
_LOADING = """
`model` is a folder, or a name on the Hub that the cache of Hugging Face has (`revision` pins it); it is downloaded
only with DOLMA_FETCH=1. Texts are cut at `max_length` tokens (512, or what the model takes), sorted by length and
run in batches of `batch_size` (32), on a GPU where there is one (`device`; processes take turns at several). `dtype`
is float32, or bfloat16 or float16: faster on a GPU, with about three digits. Without a GPU, `threads` (1) are taken in
each process.
"""

TAGGERS: tuple[Declaration, ...] = (
    PythonTagger(
        name="hf_classifier_v1",
        family="model",
        cost="heavy",
        outputs=(
            AttributeType(
                name="*",
                unit="document",
                meaning="probability of the label of this name, or its number; `score` of a model with one output",
                low=-inf,
                high=inf,
            ),
        ),
        extra="hf",
        requires=("torch", "transformers"),
        target="dolma.taggers.sequence_classifier:SequenceClassifier",
        pin=_PIN,
        doc="The labels of a Hugging Face sequence classifier, or `score` where it has one output.\n"
        + _LOADING
        + "\nProbabilities are softmax, or sigmoid where the model says that labels do not exclude each other; the "
        "numbers\nof a regression are as they are. `labels` keeps some. A model that is not all there is refused, and "
        "one with\ncode of its own. A text without a token has no span.\n",
        required=("model",),
        settable=_SETTABLE,
    ),
    PythonTagger(
        name="fineweb_edu_v1",
        family="model",
        cost="heavy",
        outputs=(
            AttributeType(
                name="score",
                unit="document",
                meaning="educational value, about 0 to 5, not clamped",
                low=-inf,
                high=inf,
                always=True,
            ),
        ),
        extra="hf",
        requires=("torch", "transformers"),
        target="dolma.taggers.sequence_classifier:SequenceClassifier",
        pin=_PIN,
        doc="Educational value by the classifier of FineWeb-Edu (Penedo et al. 2024): `score`.\n"
        + _LOADING
        + "\nThe regression head of HuggingFaceFW/fineweb-edu-classifier; FineWeb-Edu keeps documents of 2.5 and more "
        "(which\nround to 3).\n",
        options={"model": "HuggingFaceFW/fineweb-edu-classifier"},
        settable=_SETTABLE[:-1],
    ),
    PythonTagger(
        name="perplexity_kenlm_v1",
        family="model",
        cost="heavy",
        outputs=(
            AttributeType(
                name="perplexity",
                unit="document",
                meaning="perplexity of a word, line ends counted",
                high=inf,
            ),
        ),
        extra="kenlm",
        requires=("kenlm",),
        target="dolma.taggers.perplexity:KenlmPerplexity",
        doc="Perplexity of the document under an n-gram model (KenLM), as CCNet measures it: `perplexity`.\n\n"
        "Each line that is not blank is scored with its start and end; the perplexity is 10 to the mean of the "
        "negative\nlogarithms over all words and line ends (Wenzek et al. 2020). Any white space ends a word, also one "
        "that does not\nbreak, which `kenlm` by itself leaves in it. `model` is an ARPA or binary file. "
        "Lines are normalised\nas for CCNet's models: `lowercase`, `strip_accents`, `zero_digits`, "
        "`ascii_punctuation`, each of which can be turned\noff; `sentencepiece` is a model that cuts lines into "
        "pieces, as CCNet's models need (pip install sentencepiece).\n",
        assets={"model": None},
        settable=("sentencepiece", "lowercase", "strip_accents", "zero_digits", "ascii_punctuation"),
    ),
)
