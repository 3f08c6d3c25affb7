"""The options: complete, documented, immutable, and with the published defaults."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from types import ModuleType
from typing import Any

import msgspec
import pytest

from dolma import cli, config, recipes
from dolma.cli import parsing
from dolma.config.common import Config
from dolma.config.dedupe import DedupeConfig
from dolma.config.mix import MixConfig
from dolma.config.tag import TagConfig
from dolma.errors import DolmaConfigError

MODULES = [
    import_module(f"{config.__name__}.{found.name}") for found in pkgutil.iter_modules(config.__path__)
]


def structs_of(module: ModuleType) -> list[type[msgspec.Struct]]:
    """The Structs that a module defines."""
    of_its_own = (
        value for value in vars(module).values() if getattr(value, "__module__", "") == module.__name__
    )
    return [value for value in of_its_own if isinstance(value, type) and issubclass(value, msgspec.Struct)]


STRUCTS = [kind for module in MODULES for kind in structs_of(module) if kind is not Config]

#: Defaults of the published package, by command and dotted name.
PUBLISHED = {
    "tag": {
        "documents": [],
        "destination": None,
        "tagger_modules": [],
        "taggers": [],
        "experiment": None,
        "processes": 1,
        "ignore_existing": False,
        "debug": False,
        "profile.enable": False,
        "profile.output": None,
        "profile.steps": None,
        "profile.sort_key": "tottime",
        "profile.lines": 100,
        "work_dir.input": None,
        "work_dir.output": None,
        "dryrun": False,
    },
    "dedupe": {
        "documents": [],
        "work_dir.input": None,
        "work_dir.output": None,
        "dedupe.name": None,
        "dedupe.documents.attribute_name": msgspec.NODEFAULT,
        "dedupe.documents.key": "$.text",
        "dedupe.paragraphs.attribute_name": msgspec.NODEFAULT,
        "dedupe.paragraphs.paragraph_separator": "\n",
        "dedupe.paragraphs.by_ngram.ngram_length": 0,
        "dedupe.paragraphs.by_ngram.stride": 0,
        "dedupe.paragraphs.by_ngram.overlap_threshold": 1.0,
        "dedupe.paragraphs.by_ngram.skip_short_paragraphs": False,
        "dedupe.skip_empty": False,
        "dedupe.min_length": 0,
        "dedupe.min_words": 0,
        "dedupe.num_partitions": 1,
        "dedupe.partition_index": 0,
        "dedupe.file_partition": False,
        "dedupe.document_dir": "documents",
        "bloom_filter.file": msgspec.NODEFAULT,
        "bloom_filter.size_in_bytes": 0,
        "bloom_filter.read_only": msgspec.NODEFAULT,
        "bloom_filter.estimated_doc_count": 0,
        "bloom_filter.desired_false_positive_rate": 0.0,
        "processes": 1,
        "compression.input": None,
        "compression.output": None,
        "is_s3_volume": False,
        "dryrun": False,
    },
    "mix": {
        "work_dir.input": None,
        "work_dir.output": None,
        "processes": 1,
        "shuffle": True,
        "dryrun": False,
        "streams.name": msgspec.NODEFAULT,
        "streams.documents": msgspec.NODEFAULT,
        "streams.attributes": [],
        "streams.output.path": msgspec.NODEFAULT,
        "streams.output.max_size_in_bytes": 2 * 2**30,
        "streams.output.discard_fields": [],
        "streams.output.min_text_length": 0,
        "streams.filter.include": [],
        "streams.filter.exclude": [],
        "streams.filter.syntax": "jsonpath",
        "streams.span_replacement.span": msgspec.NODEFAULT,
        "streams.span_replacement.min_score": None,
        "streams.span_replacement.max_score": None,
        "streams.span_replacement.replacement": "",
        "streams.span_replacement.syntax": "jsonpath",
        "streams.compression.input": None,
        "streams.compression.output": None,
    },
    "list": {"tagger_modules": []},
}


def field_at(kind: type[msgspec.Struct], dotted: str) -> Any:
    """The field of a config at a dotted name."""
    *sections, name = dotted.split(".")
    for section in sections:
        inner = recipes.struct_of(recipes.hints(kind)[section])
        assert inner is not None
        kind = inner
    return next(field for field in msgspec.structs.fields(kind) if field.name == name)


def default_of(field: Any) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return field.default_factory()
    return field.default


@pytest.mark.parametrize(
    ("command", "name"), [(command, name) for command, options in PUBLISHED.items() for name in options]
)
def test_published_options_are_there_with_their_defaults(command: str, name: str) -> None:
    field = field_at(cli.COMMANDS[command].config, name)
    assert default_of(field) == PUBLISHED[command][name]


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_options_are_frozen_strict_and_documented(kind: type[msgspec.Struct]) -> None:
    settings = kind.__struct_config__
    assert settings.frozen
    assert settings.forbid_unknown_fields
    assert kind.__doc__
    for name, annotation in recipes.hints(kind).items():
        section = recipes.struct_of(annotation)
        assert section is not None or parsing._flag(name, annotation).description, (
            f"{kind.__name__}.{name} has no help"
        )


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_every_config_is_exported(module: ModuleType) -> None:
    assert {kind.__name__ for kind in structs_of(module)} <= set(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_every_option_is_a_flag_unless_it_is_in_a_list_of_sections(command: str) -> None:
    names = [flag.name for flag in parsing.flags(cli.COMMANDS[command].config)]
    assert len(names) == len(set(names))
    published = {name for name in PUBLISHED.get(command, {}) if not name.startswith("streams.")}
    assert published <= set(names)


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_the_schema_of_every_recipe_can_be_made(command: str) -> None:
    schema = msgspec.json.schema(cli.COMMANDS[command].config)
    assert schema["$defs"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"processes": 0}, "processes: expected `int` >= 1"),
        ({"max_bad_records": 2**64}, "max_bad_records: expected `int` <= 18446744073709551615"),
        ({"processes": 1.5}, "processes: expected `int`, got `float`"),
        ({"processes": [1]}, "processes: expected `int`, got `array`"),
        ({"max_bad_records": -1}, "max_bad_records: expected `int` >= 0"),
        ({"shard": "1"}, r"shard: expected `str` matching regex .*: Do part i of n \(0/8 … 7/8\)"),
        ({"documents": "x"}, "documents: expected `array`, got `str`; write a list$"),
        ({"work_dir": "x"}, "work_dir: expected `object`, got `str`; write a section of options$"),
        (
            {"taggers": [1]},
            r"taggers\[0\]: expected `str`, got `int`",
        ),
        ({"tagger_options": {"a": {}, "b": 3}}, "tagger_options.b: expected `object`, got `int`"),
        ({"progress": "loud"}, "progress: invalid enum value 'loud'; it is one of 'auto', 'bar'"),
        ({"profile": {"lines": 0}}, "profile.lines: expected `int` >= 1"),
        ({"profile": {"line": 1}}, "unknown key 'profile.line'; did you mean 'lines'"),
        ({"taggres": []}, "unknown key 'taggres'; did you mean 'taggers'"),
        ({"zzz": 1}, "unknown key 'zzz'; valid keys are assets_lock, debug, destination"),
    ],
)
def test_wrong_values_are_refused_with_file_and_key(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DolmaConfigError, match=f"^r.yaml: ({message})"):
        recipes.load(TagConfig, options, "r.yaml")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "r.yaml: dedupe must be given, a section of options"),
        (
            {"dedupe": {}, "bloom_filter": {"file": "f"}},
            "r.yaml: bloom_filter.read_only must be given, true or false: Mark what the filter knows; add "
            "nothing to it.",
        ),
        (
            {"dedupe": {"substring": {"attribute_name": "a"}}},
            "r.yaml: dedupe.substring.min_length must be given, a whole number: Shortest repetition that counts, in "
            "units.",
        ),
    ],
)
def test_what_is_missing_is_named_with_what_to_write(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DolmaConfigError) as caught:
        recipes.load(DedupeConfig, options, "r.yaml")
    assert str(caught.value) == message


def test_all_values_that_a_key_may_have_are_named() -> None:
    cases = [
        (
            {"dedupe": {"documents": {"attribute_name": "a", "normalize": ["x"]}}},
            "dedupe.documents.normalize[0]",
        ),
        ({"dedupe": {}, "compression": {"output": "x"}}, "compression.output"),
    ]
    choices = ["'case', 'white_space', 'nfc', 'nfkc', 'url'", "'gz', 'zst', 'zstd', ''"]
    for (options, key), known in zip(cases, choices, strict=True):
        with pytest.raises(DolmaConfigError) as caught:
            recipes.load(DedupeConfig, options, "r.yaml")
        assert str(caught.value) == f"r.yaml: {key}: invalid enum value 'x'; it is one of {known}"


def test_wrong_values_in_lists_of_sections_name_the_place() -> None:
    stream = {"name": "a", "documents": ["x"], "output": {"path": "y"}}
    cases = [
        ({**stream, "fliter": {}}, r"unknown key 'streams\[1\].fliter'; did you mean 'filter'"),
        (
            {**stream, "filter": {"syntax": "sql"}},
            r"filter.syntax: invalid enum value 'sql'; it is one of 'jso",
        ),
        ({**stream, "output": {"path": ""}}, r"output.path: expected `str` of length >= 1"),
        (
            {"name": "a"},
            r"^r.yaml: streams\[1\].documents must be given, a list: Document files: paths, globs",
        ),
        (
            {**stream, "span_replacement": [{"span": "$.x"}, {}]},
            r"^r.yaml: streams\[1\].span_replacement\[1\].span must be given, a text: Expression that selects",
        ),
        (
            {**stream, "documents": ["x", 1]},
            r"^r.yaml: streams\[1\].documents\[1\]: expected `str`, got `int`$",
        ),
    ]
    for wrong, message in cases:
        with pytest.raises(DolmaConfigError, match=message):
            recipes.load(MixConfig, {"streams": [stream, wrong]}, "r.yaml")
