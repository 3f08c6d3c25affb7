"""Declarations of the taggers that count tokens, or look for repeated ones."""

from __future__ import annotations

from math import inf

from ..declaration import AttributeType, PythonTagger
from .repetitions import outputs

__all__ = ["TAGGERS"]

_COUNT = "dolma.taggers.tokenizers:TokenCount"
_REPETITIONS = "dolma.taggers.tokenizers:TokenRepetitions"

_TOKENIZER = """
The option `tokenizer` names a `tokenizer.json` of Hugging Face's library: a path, a URL or an asset. Truncation
and padding that such a file may ask for are switched off: the whole document counts.
"""

_PUBLISHED_REPETITIONS = """
A part repeats 1 to 13 tokens, and goes on as long as each token equals the one so many tokens before; the score
is its length by theirs, in whole numbers. A part is reported for every n-gram length that fits, so a token that
comes a hundred times is found thirteen times over, and `doc_frac_repetition` can be more than 1. As published.
"""

_FRACTION = "code points in repetitions, those of each one added, by those of the document"


def _count(name: str, output: str, asset: str | None, doc: str, **options: bool) -> PythonTagger:
    meaning = "tokens, with the tokenizer's special ones" if options.get("special_tokens") else "tokens"
    return PythonTagger(
        name=name,
        family="tokenizers",
        cost="heavy",
        outputs=(AttributeType(name=output, unit="document", meaning=meaning, high=inf, always=True),),
        doc=doc + _TOKENIZER,
        target=_COUNT,
        extra="tokenizers",
        requires=("tokenizers",),
        assets={"tokenizer": asset},
        options={"type": output, **options},
    )


_OLMO = "eleuther-ai-gpt-neox-20b-pii-special.json"

TAGGERS = (
    PythonTagger(
        name="tokenizer_length_v1",
        family="tokenizers",
        cost="heavy",
        outputs=(AttributeType(name="tokens", unit="document", meaning="tokens", high=inf, always=True),),
        doc="Tokens of the document, by a tokenizer of your choice: one span, type `tokens`.\n"
        + _TOKENIZER
        + "The option `special_tokens: true` also counts those that the tokenizer puts around a document.\n",
        target=_COUNT,
        extra="tokenizers",
        requires=("tokenizers",),
        assets={"tokenizer": None},
        settable=("special_tokens",),
    ),
    _count(
        "tokenizers_EleutherAI_GPT_NeoX_20B",
        "tokens",
        "gpt-neox-20b.json",
        "Tokens of GPT-NeoX-20B's tokenizer: one span, type `tokens`.\n",
    ),
    _count(
        "tokenizers_AI2_OLMo_v1",
        "tokens",
        _OLMO,
        "Tokens of the first OLMo's tokenizer (GPT-NeoX with tokens for masked personal data): type `tokens`.\n",
    ),
    _count(
        "dolma_v1_tokenizer",
        "length",
        "gpt-neox-olmo-dolma-v1_5.json",
        "Tokens of OLMo 1's tokenizer, white space at the ends left out: one span, type `length`.\n",
        strip=True,
        special_tokens=True,
    ),
    _count(
        "dolma_v2_tokenizer",
        "length",
        "dolma2-tokenizer.json",
        "Tokens of OLMo 2's tokenizer, white space at the ends left out: one span, type `length`.\n",
        strip=True,
        special_tokens=True,
    ),
    PythonTagger(
        name="tokenizer_repetitions_v1",
        family="tokenizers",
        cost="heavy",
        outputs=outputs("how often the tokens come, in whole numbers", _FRACTION, highest_share=inf),
        doc="One to thirteen tokens that come at least three times in a row.\n"
        + _PUBLISHED_REPETITIONS
        + _TOKENIZER,
        target=_REPETITIONS,
        extra="tokenizers",
        requires=("tokenizers",),
        assets={"tokenizer": _OLMO},
    ),
    PythonTagger(
        name="paragraph_tokenizer_repetitions_v1",
        family="tokenizers",
        cost="heavy",
        outputs=outputs("how often the tokens come, in whole numbers", _FRACTION, highest_share=inf),
        doc="`tokenizer_repetitions_v1` within each line.\n"
        + _PUBLISHED_REPETITIONS
        + "A span that begins with a line's first token begins with the newline before the line, which stands for the\n"
        "space that the token has inside a text. As published, but no span begins before the text (at -1).\n"
        + _TOKENIZER,
        target=_REPETITIONS,
        extra="tokenizers",
        requires=("tokenizers",),
        assets={"tokenizer": _OLMO},
        options={"paragraphs": True},
    ),
    PythonTagger(
        name="tokenizer_repetitions_v2r2",
        family="tokenizers",
        cost="heavy",
        outputs=outputs(
            "how often the tokens come, in whole numbers", _FRACTION, always=False, highest_share=inf
        ),
        doc="One to thirteen tokens that come at least three times in a row; parts within parts left out.\n\n"
        "As `tokenizer_repetitions_v1`, but what lies in another part is not reported, long texts are cut after\n"
        "every 100,000 code points, and a document without a repetition has no span.\n" + _TOKENIZER,
        target=_REPETITIONS,
        extra="tokenizers",
        requires=("tokenizers",),
        assets={"tokenizer": _OLMO},
        options={"piece": 100_000, "outermost": True, "always": False},
    ),
    PythonTagger(
        name="tokenizer_repetitions_v3",
        family="tokenizers",
        cost="heavy",
        outputs=outputs(
            "how often the tokens come, in whole numbers",
            "code points in repetitions, by those of the document",
        ),
        doc="One to thirteen tokens that come at least 32 times in a row: OLMo 2's filter.\n\n"
        "Documents with one are left out of the mixes of OLMoE (allenai/OLMoE-mix-0924) and OLMo 2; they make the\n"
        "loss spike (OLMo et al. 2024, section 3.1). What lies in another part is not reported, and overlaps count\n"
        "once in the share. The option `times` (2 or more; default 32) says how often the tokens have to come.\n"
        "`word_repetitions_v1` is the same over words, without a tokenizer and a hundred times as fast.\n"
        + _TOKENIZER,
        target=_REPETITIONS,
        extra="tokenizers",
        requires=("tokenizers",),
        assets={"tokenizer": None},
        options={"times": 32, "outermost": True, "union": True},
        settable=("times",),
    ),
)
