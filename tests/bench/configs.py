"""The configurations that jobs give to a tool, as both tools understand them.

Where the published tool cannot do what is asked (it refuses a stream without rules), it gets the
cheapest thing that it accepts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Config = dict[str, Any]

GOPHER = "bench"
"""Experiment that holds the Gopher attributes; the rules below name it."""

PII = "bench_pii"

NEEDED = {GOPHER: "gopher_v1", PII: "pii_regex_with_counts_fast_v2"}
"""Experiments which the mixes read, and the tagger that writes each."""

CUSTOM_TAGGER = Path(__file__).resolve().with_name("custom_tagger.py")

# Fewer documents than this make the published filter use thousands of hash functions (compare
# 100,000 documents: 59 hashes; a million: 15 to 30), which would only flatter this tool.
LEAST_ESTIMATE = 1_000_000
FALSE_POSITIVES = 0.000001


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a configuration depends on besides its job: the folder, the tool and the input."""

    folder: Path
    published: bool
    workers: int
    documents: int
    lines: int
    words: int
    shard_bytes: int

    @property
    def inputs(self) -> list[str]:
        return [f"{self.folder}/documents/*"]


def tag(experiment: str, tagger: str, modules: tuple[str, ...] = ()) -> Callable[[Setting], Config]:
    def config(setting: Setting) -> Config:
        written: Config = {
            "documents": setting.inputs,
            "experiment": experiment,
            "taggers": [tagger],
            "processes": setting.workers,
        }
        return written | ({"tagger_modules": list(modules)} if modules else {})

    return config


def dedupe(
    how: Config, keys: Callable[[Setting], int], *, exact: bool = False, memory: str | None = None
) -> Callable[[Setting], Config]:
    """A deduplication by `how` with a filter for so many keys; `exact`, this tool goes without one."""

    def config(setting: Setting) -> Config:
        written: Config = {
            "documents": setting.inputs,
            "dedupe": {"name": GOPHER, **how},
            "processes": setting.workers,
        }
        if setting.published or not exact:
            written["bloom_filter"] = {
                "file": f"{setting.folder}/filter.bin",
                "read_only": False,
                "estimated_doc_count": max(LEAST_ESTIMATE, keys(setting)),
                "desired_false_positive_rate": FALSE_POSITIVES,
            }
        elif memory is not None:
            written["memory"] = memory
        return written

    return config


def documents(setting: Setting) -> int:
    return setting.documents


def lines(setting: Setting) -> int:
    return setting.lines


def words(setting: Setting) -> int:
    return setting.words


BY_TEXT: Config = {"skip_empty": True, "documents": {"attribute_name": "duplicate", "key": "$.text"}}
BY_LINE: Config = {"skip_empty": True, "paragraphs": {"attribute_name": "duplicate"}}
BY_NGRAM: Config = {
    "skip_empty": True,
    "paragraphs": {
        "attribute_name": "duplicate",
        "by_ngram": {"ngram_length": 13, "stride": 1, "overlap_threshold": 0.5},
    },
}
BY_SUBSTRING: Config = {"substring": {"attribute_name": "duplicate", "min_length": 500}}


def by_likeness(preset: str) -> Config:
    """MinHash with the numbers of a preset."""
    return {"skip_empty": True, "minhash": {"attribute_name": "duplicate", "preset": preset}}


def remove(how: str) -> Callable[[Setting], Config]:
    """A mix of this tool that leaves out the `documents` that `dedupe` marked, or cuts its `spans`."""
    rules: dict[str, Config] = {
        "documents": {"filter": {"include": [], "exclude": ["$.attributes[?(@.duplicate[0][2] > 0)]"]}},
        "spans": {
            "span_replacement": [{"span": "$.attributes.duplicate", "min_score": 0.5, "replacement": ""}]
        },
    }
    return lambda setting: mix(setting, [GOPHER], None, **rules[how])


# The thresholds of the configs published with Dolma 1.5 and 1.6, after Rae et al. 2021 (Gopher),
# appendix A.1.1 and table A1: (score, comparison that drops the document, bound).
GOPHER_RULES: tuple[tuple[str, str, float], ...] = (
    ("word_count", "<", 50),
    ("word_count", ">", 100000),
    ("median_word_length", "<", 3),
    ("median_word_length", ">", 10),
    ("symbol_to_word_ratio", ">", 0.1),
    ("fraction_of_words_with_alpha_character", "<", 0.8),
    ("required_word_count", "<", 2),
    ("fraction_of_lines_starting_with_bullet_point", ">", 0.9),
    ("fraction_of_lines_ending_with_ellipsis", ">", 0.3),
    ("fraction_of_duplicate_lines", ">", 0.3),
    ("fraction_of_characters_in_duplicate_lines", ">", 0.3),
    ("fraction_of_characters_in_most_common_2grams", ">", 0.2),
    ("fraction_of_characters_in_most_common_3grams", ">", 0.18),
    ("fraction_of_characters_in_most_common_4grams", ">", 0.16),
    ("fraction_of_characters_in_duplicate_5grams", ">", 0.15),
    ("fraction_of_characters_in_duplicate_6grams", ">", 0.14),
    ("fraction_of_characters_in_duplicate_7grams", ">", 0.13),
    ("fraction_of_characters_in_duplicate_8grams", ">", 0.12),
    ("fraction_of_characters_in_duplicate_9grams", ">", 0.11),
    ("fraction_of_characters_in_duplicate_10grams", ">", 0.1),
)


def _in_jsonpath(score: str, comparison: str, bound: float) -> str:
    key = f"@.{GOPHER}__gopher_v1__{score}"
    return f"$.attributes[?({key} && {key}[0] && {key}[0][2] {comparison} {bound})]"


def _in_jq(score: str, comparison: str, bound: float) -> str:
    key = f".attributes.{GOPHER}__gopher_v1__{score}"
    return f"({key} | length > 0) and ({key}[0][2] {comparison} {bound})"


def mix(setting: Setting, attributes: list[str], level: int | None, **rules: Config | list[Config]) -> Config:
    stream: Config = {
        "name": "bench",
        "documents": setting.inputs,
        "attributes": attributes,
        "output": {"path": f"{setting.folder}/mixed", "max_size_in_bytes": setting.shard_bytes},
        **rules,
    }
    if level is not None and not setting.published:
        stream["compression"] = {"output": "gz", "level": level}
    return {"streams": [stream], "processes": setting.workers}


def mix_jsonpath(setting: Setting) -> Config:
    exclude = [_in_jsonpath(*rule) for rule in GOPHER_RULES]
    return mix(setting, [GOPHER], None, filter={"include": [], "exclude": exclude})


def mix_jq(setting: Setting) -> Config:
    exclude = [_in_jq(*rule) for rule in GOPHER_RULES]
    rules = {"include": [], "exclude": exclude, "syntax": "jq"}
    return mix(setting, [GOPHER], None, filter=rules)


def mix_spans(level: int | None) -> Callable[[Setting], Config]:
    def config(setting: Setting) -> Config:
        replacements = [
            {
                "span": f"$.attributes.{PII}__{NEEDED[PII]}__{kind}",
                "min_score": 0.5,
                "replacement": f" |||{kind}||| ",
            }
            for kind in ("EMAIL_ADDRESS", "PHONE_NUMBER", "IP_ADDRESS")
        ]
        return mix(setting, [PII], level, span_replacement=replacements)

    return config


# The published tool refuses a stream without rules. Of the rules that drop and change nothing, an
# absent field costs it least: best CPU seconds of five runs on 37 MB, 1.9 against 2.0 for
# `$.id` or the jq constant `true`; a span that never occurs took 2.3 (best of two).
KEEPS_ALL: Config = {"include": [], "exclude": ["$.absent"]}


def merge(level: int | None) -> Callable[[Setting], Config]:
    def config(setting: Setting) -> Config:
        attributes = [GOPHER, PII]
        if not setting.published:
            return mix(setting, attributes, level)
        return mix(setting, attributes, level, filter=KEEPS_ALL)

    return config
