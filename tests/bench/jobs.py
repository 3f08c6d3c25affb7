"""The jobs that are measured: what each asks of a tool, and the ratio it has to reach.

A job is a command and a configuration (`configs.py`) that both tools understand. The targets are
throughput of this tool divided by that of the published one.
"""

from collections.abc import Callable
from dataclasses import dataclass

import configs
from configs import BY_LINE, BY_NGRAM, BY_TEXT, CUSTOM_TAGGER, GOPHER, PII, Config, Setting, tag


@dataclass(frozen=True, kw_only=True)
class Job:
    """One row of the report. `output` is the folder below the run's that holds what is counted.

    Without a `target` the ratio is reported and not judged. One that is only `by_name` has to be asked for:
    over whole corpora the published tool takes an hour for it, or does not end.
    """

    name: str
    title: str
    command: str
    target: float | None
    config: Callable[[Setting], Config]
    output: str
    needs: tuple[str, ...] = ()
    no_larger: bool = False
    by_name: bool = False

    @property
    def keeps_rows(self) -> bool:
        """Whether every input document must have a row in the output."""
        return self.command != "mix"


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
        by_name=True,
    ),
    Job(
        name="tag-uniseg",
        title="tag, `uniseg_length_paragraphs_with_doc_length_v1`",
        command="tag",
        target=25,
        config=tag(GOPHER, "uniseg_length_paragraphs_with_doc_length_v1"),
        output=_ATTRIBUTES,
        by_name=True,
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
        config=configs.dedupe(BY_TEXT, configs.documents),
        output=_ATTRIBUTES,
    ),
    Job(
        name="dedupe-documents-exact",
        title="dedupe documents on `$.text`, exactly",
        command="dedupe",
        target=3,
        config=configs.dedupe(BY_TEXT, configs.documents, exact=True),
        output=_ATTRIBUTES,
    ),
    Job(
        name="dedupe-paragraphs",
        title="dedupe paragraphs",
        command="dedupe",
        target=5,
        config=configs.dedupe(BY_LINE, configs.lines),
        output=_ATTRIBUTES,
    ),
    Job(
        name="dedupe-paragraphs-exact",
        title="dedupe paragraphs, exactly",
        command="dedupe",
        target=None,
        config=configs.dedupe(BY_LINE, configs.lines, exact=True),
        output=_ATTRIBUTES,
    ),
    Job(
        name="dedupe-ngrams",
        title="dedupe paragraphs by 13-grams, stride 1",
        command="dedupe",
        target=10,
        config=configs.dedupe(BY_NGRAM, configs.words),
        output=_ATTRIBUTES,
    ),
    Job(
        name="mix-jsonpath",
        title="mix, 20 Gopher rules in JSONPath",
        command="mix",
        target=25,
        config=configs.mix_jsonpath,
        output="mixed",
        needs=(GOPHER,),
    ),
    Job(
        name="mix-jq",
        title="mix, 20 Gopher rules in jq",
        command="mix",
        target=7,
        config=configs.mix_jq,
        output="mixed",
        needs=(GOPHER,),
    ),
    Job(
        name="mix-spans",
        title="mix, PII spans replaced",
        command="mix",
        target=4,
        config=configs.mix_spans(None),
        output="mixed",
        needs=(PII,),
    ),
    Job(
        name="mix-spans-small",
        title="mix, PII spans replaced, output no larger",
        command="mix",
        target=1.8,
        config=configs.mix_spans(6),
        output="mixed",
        needs=(PII,),
        no_larger=True,
    ),
    Job(
        name="merge",
        title="mix without rules",
        command="mix",
        target=4,
        config=configs.merge(None),
        output="mixed",
        needs=(GOPHER, PII),
    ),
    Job(
        name="merge-small",
        title="mix without rules, output no larger",
        command="mix",
        target=1.5,
        config=configs.merge(6),
        output="mixed",
        needs=(GOPHER, PII),
        no_larger=True,
    ),
)
