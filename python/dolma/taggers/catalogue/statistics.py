"""Declarations of the taggers that measure a text as a whole, whatever it says."""

from __future__ import annotations

from math import inf

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]


def _document(name: str, meaning: str, high: float = 1.0) -> AttributeType:
    return AttributeType(name=name, unit="document", meaning=meaning, high=high, always=True)


TAGGERS = (
    Kernel(
        name="compressibility_v1",
        family="statistics",
        cost="moderate",
        outputs=(
            _document("zstd_ratio", "bytes of a Zstandard frame (level 3), by bytes of text", inf),
            _document("gzip_ratio", "bytes of a gzip file (level 6), by bytes of text", inf),
        ),
        doc="How small the text becomes when it is compressed: `zstd_ratio` and `gzip_ratio`.\n\n"
        "Compressed bytes by UTF-8 bytes, so what repeats itself has a small number; texts of some words have\n"
        "more than 1, because the formats have headers. An empty text has no span. There is no published\n"
        "threshold; most prose is between 0.3 and 0.7, and short texts compress less than long ones, so compare\n"
        "texts of a size.\n",
    ),
    Kernel(
        name="entropy_v1",
        family="statistics",
        cost="light",
        outputs=(
            _document("byte_entropy", "bits for each UTF-8 byte", 8),
            _document("char_entropy", "bits for each code point", 21),
        ),
        doc="Entropy of how often each byte and each code point comes (Shannon 1948), in bits.\n\n"
        "It says how many different characters there are and how evenly they are used: English prose has 4.1 to\n"
        "4.6 bits a code point, a ruler of dashes 0, random base64 6. Order does not matter; for that there is\n"
        "`compressibility_v1`. An empty text has no span.\n",
    ),
    Kernel(
        name="word_concentration_v1",
        family="statistics",
        cost="moderate",
        outputs=(
            _document("top_word", "the most frequent word, by all words"),
            _document("top_two_words", "the two most frequent words, by all words"),
        ),
        doc="The share of the words that the most frequent one and the two most frequent ones make up.\n\n"
        "The mix of OLMoE (Muennighoff et al. 2024, allenai/OLMoE-mix-0924), on which OLMo 2's builds, leaves out\n"
        "code where `top_word` is over 0.3 or `top_two_words` is over 0.5. Words are the pieces of\n"
        "`str.split()`, as they are written. Both are 0 without words.\n",
    ),
    Kernel(
        name="stop_words_v1",
        family="statistics",
        cost="moderate",
        outputs=(
            _document("stop_word_count", "words that are on the list", inf),
            _document("stop_word_fraction", "words that are on the list, by all words"),
            _document("distinct_stop_words", "how many words of the list come", inf),
        ),
        settable=("language", "path"),
        doc="How many words only hold sentences together, by a list for the language.\n\n"
        "Gopher (Rae et al. 2021, section A1.1) asks for two of the, be, to, of, and, that, have, with; that is\n"
        "the list of the default `language`, en. The other lists are dolma's own, eleven or more words each: ar, bg,\n"
        "cs, da, de, el, es, fa, fi, fr, he, hi, hu, id, it, nl, no, pl, pt, ro, ru, sv, tr, uk, vi. The option\n"
        "`path` names a file with a word on each line instead (`#` begins a comment). A word is a piece of\n"
        "`str.split()` without punctuation at its ends, in lower case; `gopher_v1` counts words as they are written.\n",
    ),
)
