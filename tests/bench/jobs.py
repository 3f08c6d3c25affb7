"""The jobs that are measured: what each asks of a tool, and the ratio it has to reach.

A job is a command and a configuration that both tools understand. Where the published tool cannot
do what is asked (it refuses a stream without rules), it gets the cheapest thing it accepts. The
targets are throughput of this tool divided by that of the published one.
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
    shard_bytes: int

    @property
    def inputs(self) -> list[str]:
        return [f"{self.folder}/documents/*"]


@dataclass(frozen=True, kw_only=True)
class Job:
    """One row of the report. `output` is the folder below the run's that holds what is counted."""

    name: str
    title: str
    command: str
    target: float
    config: Callable[[Setting], Config]
    output: str
    needs: tuple[str, ...] = ()
    no_larger: bool = False

    @property
    def keeps_rows(self) -> bool:
        """Whether every input document must have a row in the output."""
        return self.command != "mix"


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


def _dedupe(setting: Setting, how: Config, items: int) -> Config:
    return {
        "documents": setting.inputs,
        "dedupe": {"name": GOPHER, "skip_empty": True, **how},
        "bloom_filter": {
            "file": f"{setting.folder}/filter.bin",
            "read_only": False,
            "estimated_doc_count": max(LEAST_ESTIMATE, items),
            "desired_false_positive_rate": FALSE_POSITIVES,
        },
        "processes": setting.workers,
    }


def _dedupe_documents(setting: Setting) -> Config:
    how = {"documents": {"attribute_name": "duplicate", "key": "$.text"}}
    return _dedupe(setting, how, setting.documents)


def _dedupe_paragraphs(setting: Setting) -> Config:
    return _dedupe(setting, {"paragraphs": {"attribute_name": "duplicate"}}, setting.lines)


# The thresholds of the recipes published with Dolma 1.5 and 1.6, after Rae et al. 2021 (Gopher),
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


def _mix(
    setting: Setting, attributes: list[str], level: int | None, **rules: Config | list[Config]
) -> Config:
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


def _mix_jsonpath(setting: Setting) -> Config:
    exclude = [_in_jsonpath(*rule) for rule in GOPHER_RULES]
    return _mix(setting, [GOPHER], None, filter={"include": [], "exclude": exclude})


def _mix_jq(setting: Setting) -> Config:
    exclude = [_in_jq(*rule) for rule in GOPHER_RULES]
    rules = {"include": [], "exclude": exclude, "syntax": "jq"}
    return _mix(setting, [GOPHER], None, filter=rules)


def _mix_spans(level: int | None) -> Callable[[Setting], Config]:
    def config(setting: Setting) -> Config:
        replacements = [
            {
                "span": f"$.attributes.{PII}__{NEEDED[PII]}__{kind}",
                "min_score": 0.5,
                "replacement": f" |||{kind}||| ",
            }
            for kind in ("EMAIL_ADDRESS", "PHONE_NUMBER", "IP_ADDRESS")
        ]
        return _mix(setting, [PII], level, span_replacement=replacements)

    return config


# The published tool refuses a stream without rules. Of the rules that drop and change nothing, an
# absent field costs it least: best CPU seconds of five runs on 37 MB, 1.9 against 2.0 for
# `$.id` or the jq constant `true`; a span that never occurs took 2.3 (best of two).
KEEPS_ALL: Config = {"include": [], "exclude": ["$.absent"]}


def _merge(level: int | None) -> Callable[[Setting], Config]:
    def config(setting: Setting) -> Config:
        attributes = [GOPHER, PII]
        if not setting.published:
            return _mix(setting, attributes, level)
        return _mix(setting, attributes, level, filter=KEEPS_ALL)

    return config


_ATTRIBUTES = f"attributes/{GOPHER}"

JOBS = (
    Job(
        name="tag-gopher",
        title="tag, `gopher_v1`",
        command="tag",
        target=60,
        config=tag(GOPHER, "gopher_v1"),
        output=_ATTRIBUTES,
    ),
    Job(
        name="tag-c4",
        title="tag, `c4_v2`",
        command="tag",
        target=25,
        config=tag(GOPHER, "c4_v2"),
        output=_ATTRIBUTES,
    ),
    Job(
        name="tag-pii",
        title="tag, `pii_regex_with_counts_fast_v2`",
        command="tag",
        target=20,
        config=tag(GOPHER, "pii_regex_with_counts_fast_v2"),
        output=_ATTRIBUTES,
    ),
    Job(
        name="tag-length",
        title="tag, `char_length_with_paragraphs_v1`",
        command="tag",
        target=25,
        config=tag(GOPHER, "char_length_with_paragraphs_v1"),
        output=_ATTRIBUTES,
    ),
    Job(
        name="tag-words",
        title="tag, `whitespace_tokenizer_with_paragraphs_v1`",
        command="tag",
        target=25,
        config=tag(GOPHER, "whitespace_tokenizer_with_paragraphs_v1"),
        output=_ATTRIBUTES,
    ),
    Job(
        name="tag-repetitions",
        title="tag, `repetitions_v1`",
        command="tag",
        target=20,
        config=tag(GOPHER, "repetitions_v1"),
        output=_ATTRIBUTES,
    ),
    Job(
        name="tag-uniseg",
        title="tag, `uniseg_length_paragraphs_with_doc_length_v1`",
        command="tag",
        target=25,
        config=tag(GOPHER, "uniseg_length_paragraphs_with_doc_length_v1"),
        output=_ATTRIBUTES,
    ),
    Job(
        name="tag-pretokens",
        title="tag, `olmo_pretokenizer_with_paragraphs_v1`",
        command="tag",
        target=25,
        config=tag(GOPHER, "olmo_pretokenizer_with_paragraphs_v1"),
        output=_ATTRIBUTES,
    ),
    Job(
        name="tag-custom",
        title="tag, a user's Python tagger",
        command="tag",
        target=2,
        config=tag(GOPHER, "bench_uppercase_v1", (str(CUSTOM_TAGGER),)),
        output=_ATTRIBUTES,
    ),
    Job(
        name="dedupe-documents",
        title="dedupe documents on `$.text`",
        command="dedupe",
        target=3,
        config=_dedupe_documents,
        output=_ATTRIBUTES,
    ),
    Job(
        name="dedupe-paragraphs",
        title="dedupe paragraphs",
        command="dedupe",
        target=5,
        config=_dedupe_paragraphs,
        output=_ATTRIBUTES,
    ),
    Job(
        name="mix-jsonpath",
        title="mix, 20 Gopher rules in JSONPath",
        command="mix",
        target=25,
        config=_mix_jsonpath,
        output="mixed",
        needs=(GOPHER,),
    ),
    Job(
        name="mix-jq",
        title="mix, 20 Gopher rules in jq",
        command="mix",
        target=7,
        config=_mix_jq,
        output="mixed",
        needs=(GOPHER,),
    ),
    Job(
        name="mix-spans",
        title="mix, PII spans replaced",
        command="mix",
        target=4,
        config=_mix_spans(None),
        output="mixed",
        needs=(PII,),
    ),
    Job(
        name="mix-spans-small",
        title="mix, PII spans replaced, output no larger",
        command="mix",
        target=1.8,
        config=_mix_spans(6),
        output="mixed",
        needs=(PII,),
        no_larger=True,
    ),
    Job(
        name="merge",
        title="mix without rules",
        command="mix",
        target=4,
        config=_merge(None),
        output="mixed",
        needs=(GOPHER, PII),
    ),
    Job(
        name="merge-small",
        title="mix without rules, output no larger",
        command="mix",
        target=1.5,
        config=_merge(6),
        output="mixed",
        needs=(GOPHER, PII),
        no_larger=True,
    ),
)
