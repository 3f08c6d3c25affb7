"""From recipe files and flags to typed configs: what may be written, and how it is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from command import python
from dolma import recipes
from dolma.commands import mix
from dolma.config.common import CompressionConfig, WorkDirConfig
from dolma.config.dedupe import BloomFilterConfig, DedupeConfig, DocumentKeyConfig
from dolma.config.mix import MixConfig
from dolma.config.tag import TagConfig
from dolma.errors import DolmaConfigError

RECIPES = Path(__file__).parent / "recipes"
KINDS = {
    "tag.yaml": TagConfig,
    "dedupe_documents.yaml": DedupeConfig,
    "decontaminate.yaml": DedupeConfig,
    "dedupe_size.json": DedupeConfig,
    "mix_jsonpath.yaml": MixConfig,
    "mix_jq.yaml": MixConfig,
}


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("HOME", "/home/me")
    return "/home/me"


def recipe(name: str) -> Any:
    """A recipe of the published style, loaded."""
    return recipes.load(KINDS[name], recipes.read_file(str(RECIPES / name)), name)


def from_text(tmp_path: Path, text: str, kind: type[msgspec.Struct] = TagConfig) -> Any:
    path = tmp_path / "r.yaml"
    path.write_text(text)
    return recipes.load(kind, recipes.read_file(str(path)), "r.yaml")


def test_every_recipe_of_the_folder_is_tested() -> None:
    assert {path.name for path in RECIPES.iterdir()} == set(KINDS)


@pytest.mark.parametrize("name", KINDS)
def test_the_effective_recipe_is_a_recipe_that_gives_the_same(name: str) -> None:
    loaded = recipe(name)
    assert recipes.load(KINDS[name], yaml.safe_load(recipes.to_yaml(loaded)), "again") == loaded
    encoded = json.loads(msgspec.json.encode(loaded))
    assert recipes.load(KINDS[name], encoded, "with nulls") == loaded


def test_a_recipe_for_tag() -> None:
    assert recipe("tag.yaml") == TagConfig(
        documents=["s3://example-bucket/web/v0/documents/*.gz"],
        taggers=["c4_v2", "ft_lang_id_en_doc_v2"],
        processes=8,
    )


def test_a_recipe_for_dedupe_by_documents() -> None:
    loaded = recipe("dedupe_documents.yaml")
    assert loaded.dedupe.documents == DocumentKeyConfig(attribute_name="duplicate_docs", key="$.text")
    assert loaded.dedupe.paragraphs is None
    assert loaded.bloom_filter == BloomFilterConfig(
        file="/tmp/en_head_docs.bloom",
        read_only=False,
        estimated_doc_count=6_000_000,
        desired_false_positive_rate=1e-6,
    )


def test_a_recipe_for_decontamination() -> None:
    loaded = recipe("decontaminate.yaml")
    assert loaded.documents == ["/home/me/mix/documents/books/*.gz"]
    assert loaded.bloom_filter.file == "/home/me/filters/evaluation.bin"
    assert loaded.bloom_filter.desired_false_positive_rate == 1e-15
    assert loaded.dedupe.paragraphs.paragraph_separator == "\n"
    assert loaded.processes == max(1, (os.cpu_count() or 1) - 1)


def test_a_recipe_in_json() -> None:
    loaded = recipe("dedupe_size.json")
    assert loaded.dedupe.documents.key == "$.metadata.url"
    assert loaded.bloom_filter.size_in_bytes == 8 << 20
    assert loaded.compression == CompressionConfig(input="gz")
    assert loaded.work_dir == WorkDirConfig(input="/tmp/in", output="/tmp/out")


def test_a_recipe_for_a_mix_in_jsonpath() -> None:
    (stream,) = recipe("mix_jsonpath.yaml").streams
    assert len(stream.filter.exclude) == 3
    assert stream.output.max_size_in_bytes == 1 << 32
    assert [replacement.replacement for replacement in stream.span_replacement] == [
        "",
        "",
        " |||EMAIL_ADDRESS||| ",
    ]
    assert stream.span_replacement[1].max_score is None


def test_a_recipe_for_a_mix_in_jq() -> None:
    loaded = recipe("mix_jq.yaml")
    assert not loaded.shuffle
    (stream,) = loaded.streams
    assert stream.filter.syntax == "jq"
    assert stream.compression.output == "zst"
    assert stream.output.path == "/home/me/sample"


@pytest.mark.parametrize("name", ["mix_jsonpath.yaml", "mix_jq.yaml"])
def test_the_rules_of_published_recipes_compile(name: str) -> None:
    from dolma import _core

    for stream in recipe(name).streams:
        attributes, fields = _core.rule_names(mix._compiled(stream, False, "gz", []))
        assert attributes
        assert ("attributes", fields[0][1]) in fields


# Values


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-6", 1e-6),
        ("1e-06", 1e-6),
        ("1.5E-7", 1.5e-7),
        ("0.001", 0.001),
        ("0", 0.0),
        ('"1e-6"', 1e-6),
    ],
)
def test_numbers_may_be_written_as_people_do(tmp_path: Path, text: str, value: float) -> None:
    loaded = from_text(
        tmp_path,
        f"dedupe: {{}}\nbloom_filter: {{file: f, read_only: no, desired_false_positive_rate: {text}}}\n",
        DedupeConfig,
    )
    assert loaded.bloom_filter.desired_false_positive_rate == value
    assert loaded.bloom_filter.read_only is False


@pytest.mark.parametrize("text", ["6000000", "6_000_000", '"6000000"'])
def test_integers_may_have_underscores(tmp_path: Path, text: str) -> None:
    assert from_text(tmp_path, f"max_bad_records: {text}\n").max_bad_records == 6_000_000


def test_text_that_looks_like_a_number_stays_text_where_text_is_wanted(tmp_path: Path) -> None:
    loaded = from_text(tmp_path, "taggers: ['1e6']\nexperiment: 'null'\n")
    assert (loaded.taggers, loaded.experiment) == (["1e6"], "null")


def test_null_is_the_default_and_not_a_value(tmp_path: Path) -> None:
    text = "documents: null\nprocesses: null\nwork_dir: null\nprofile: {lines: null}\nexperiment: null\n"
    assert from_text(tmp_path, text) == TagConfig()


def test_an_empty_recipe_is_all_defaults(tmp_path: Path) -> None:
    assert from_text(tmp_path, "") == TagConfig()
    assert from_text(tmp_path, "# nothing\n") == TagConfig()
    assert from_text(tmp_path, "{}") == TagConfig()


def test_anchors_and_merges_of_yaml_work(tmp_path: Path) -> None:
    text = "work_dir: &w {input: /i}\nprofile: {enable: true}\n"
    assert from_text(tmp_path, text).work_dir.input == "/i"
    merged = "a: &a {input: x, output: y}\nb: {<<: *a, output: z}\n"
    path = tmp_path / "m.yaml"
    path.write_text(merged)
    assert recipes.read_file(str(path))["b"] == {"input": "x", "output": "z"}


# Interpolation


def test_the_environment_is_put_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PART", "7")
    loaded = from_text(
        tmp_path, "documents: ['${oc.env:HOME}/${oc.env:PART}/*']\nprocesses: ${oc.env:PART}\n"
    )
    assert loaded.documents == ["/home/me/7/*"]
    assert loaded.processes == 7


def test_keys_of_the_recipe_are_put_in(tmp_path: Path) -> None:
    assert from_text(tmp_path, "experiment: a\ntaggers: ['${experiment}']\n").taggers == ["a"]


def test_resolvers_of_the_published_package_work(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.gz").write_bytes(b"")
    loaded = from_text(
        tmp_path, f"documents: ${{d.glob:{tmp_path}/*.gz}}\nprocesses: ${{d.processes:10000}}\n"
    )
    assert loaded.documents == [f"{tmp_path}/a.gz", f"{tmp_path}/b.gz"]
    assert loaded.processes == 1


def test_what_cannot_be_put_in_is_refused_with_its_key(tmp_path: Path) -> None:
    for text, message in (
        ("experiment: ${oc.env:NOT_SET_ANYWHERE}\n", "r.yaml: experiment: .*'NOT_SET_ANYWHERE' not found"),
        ("documents: ['${nothing}']\n", r"r.yaml: documents\[0\]: Interpolation key 'nothing' not found"),
        ("experiment: ${d.nothing:1}\n", "r.yaml: experiment: Unsupported interpolation type d.nothing"),
    ):
        with pytest.raises(DolmaConfigError, match=message):
            from_text(tmp_path, text)


# Files


def test_files_that_are_no_recipes_are_named(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    with pytest.raises(DolmaConfigError, match=rf"cannot read the recipe {path}: No such file"):
        recipes.read_file(str(path))
    for content, message in (
        (b"[1, 2]", "must hold a mapping of options, not list"),
        (b"just words", "must hold a mapping of options, not str"),
        (b"a: [1", r":2:1: this is neither YAML nor JSON: did not find expected ',' or '\]'"),
        (b"\xff\xfe\x00", "neither YAML nor JSON|not UTF-8"),
        (b"a: 1\nb: 2\na: 3\n", r":3:1: this is neither YAML nor JSON: the key 'a' is given twice"),
        (b"? [a]\n: b\n", "neither YAML nor JSON: .*unhashable key"),
        (b'{"streams": [{"name": 1, "name": 2}]}', "the key 'name' is given twice"),
    ):
        path.write_bytes(content)
        with pytest.raises(DolmaConfigError, match=f"(?s){path}.*({message})"):
            recipes.read_file(str(path))


_TEXT = st.text(st.sampled_from("aZ0 -:#'\"\\/{}[],&*!|>%@`~\n\té字.<"), max_size=8)
_SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT
)


@given(
    st.dictionaries(
        _TEXT,
        st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(_TEXT, inner), max_leaves=8),
    ),
    st.sampled_from([None, 2]),
)
def test_json_is_read_as_yaml_would_read_it(value: dict[str, Any], indent: int | None) -> None:
    content = json.dumps(value, indent=indent).encode()
    read = recipes._from_json(content)
    assert (read, repr(read)) == (value, repr(recipes._from_yaml(content, "r.json")))


@given(_TEXT, st.recursive(_SCALARS, st.lists) | st.dictionaries(_TEXT, _SCALARS))
def test_a_key_that_is_given_twice_is_no_json(key: str, value: Any) -> None:
    member = f"{json.dumps(key)}: {json.dumps(value)}"
    recipes._from_json(f'{{"a": [{{{member}}}, {{{member}}}]}}'.encode())
    for twice in (f"{{{member}, {member}}}", f'{{"a": [1, {{{member}, "": [], {member}}}]}}'):
        with pytest.raises(ValueError):  # noqa: PT011
            recipes._from_json(twice.encode())


def test_a_recipe_in_json_is_read_without_what_reads_yaml(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text('\n {"processes": 3, "experiment": "\\ud83d\\ude00"}\n')
    code = (
        "import sys; from dolma import recipes; "
        f"print(recipes.read_file({str(tmp_path / 'r.json')!r})); sys.exit('yaml' in sys.modules)"
    )
    assert python(code) == "{'processes': 3, 'experiment': '😀'}\n"


def test_a_home_folder_is_understood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "r.yaml").write_text("processes: 3\n")
    assert recipes.read_file("~/r.yaml") == {"processes": 3}


# Flags over files


def test_flags_win_over_the_recipe() -> None:
    base = {"dedupe": {"name": "a", "min_words": 1}, "processes": 4, "documents": ["x"]}
    flags = {
        "dedupe.name": "b",
        "dedupe.documents.key": "$.id",
        "documents": ["y", "z"],
        "work_dir.input": "/w",
    }
    assert recipes.merge(base, flags) == {
        "dedupe": {"name": "b", "min_words": 1, "documents": {"key": "$.id"}},
        "processes": 4,
        "documents": ["y", "z"],
        "work_dir": {"input": "/w"},
    }
    # What was given is left alone.
    assert base == {"dedupe": {"name": "a", "min_words": 1}, "processes": 4, "documents": ["x"]}


def test_a_flag_fills_a_section_that_the_recipe_has_as_null() -> None:
    assert recipes.merge({"work_dir": None}, {"work_dir.input": "/w"}) == {"work_dir": {"input": "/w"}}
