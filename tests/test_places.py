"""Messages about a value of a recipe name the file, the line and the key."""

from __future__ import annotations

from pathlib import Path

import pytest

from command import refused
from shards import put

MIX = """\
streams:
  - name: all
    documents: [documents/*]
    output: {path: mixed}
  - name: web
    documents: [documents/*]
    output: {path: mixed}
    filter:
      include: [$.id]
      exclude:
        - $.text
        - $.a[
    span_replacement:
      - span: $.attributes.x
        min_score: 0.5
        replacement: $.[
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("", "", "r.yaml:12: streams[1].filter.exclude[1]: cannot use the JSONPath `$.a[`: at character 5: "),
        (
            "$.a[",
            "$.a",
            "r.yaml:16: streams[1].span_replacement[0].replacement: cannot use the jq filter `.[`: at character 3: ",
        ),
        ("$.attributes.x", "x", "r.yaml:12: streams[1].filter.exclude[1]: cannot use"),
        ("[$.id]", "[id, $.id]", "r.yaml:9: streams[1].filter.include[0]: cannot use the JSONPath `id`: "),
        (
            "include",
            "includes",
            "r.yaml:9: unknown key 'streams[1].filter.includes'; did you mean 'include'?",
        ),
        ("{path: mixed}\n  -", "{}\n  -", "r.yaml:4: streams[0].output.path must be given, a text: "),
        (
            "0.5",
            "half",
            "r.yaml:15: streams[1].span_replacement[0].min_score: expected `float | null`, got `str`",
        ),
        (
            "$.attributes.x",
            "''",
            "r.yaml:14: streams[1].span_replacement[0].span: expected `str` of length >= 1",
        ),
        (
            "min_score: 0.5",
            "syntax: jq",
            "r.yaml:14: streams[1].span_replacement[0]: $.attributes.x: give min",
        ),
    ],
)
def test_a_message_names_the_line_of_the_key(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "r.yaml").write_text(MIX.replace(old, new, 1))
    assert refused("mix", "-c", "r.yaml", cwd=tmp_path).startswith(message)


@pytest.mark.parametrize("command", ["dedupe", "run"])
def test_so_does_one_of_a_section(tmp_path: Path, command: str) -> None:
    section = "dedupe:\n  documents:\n    attribute_name: d\n    key: $.[\n"
    if command == "run":
        lines = ["dedupe:", "  documents: [d/documents/*]", *("  " + line for line in section.splitlines())]
        (tmp_path / "r.yaml").write_text("\n".join(lines))
    else:
        (tmp_path / "r.yaml").write_text(f"documents: [d/documents/*]\n{section}")
    place = "r.yaml:6: dedupe." if command == "run" else "r.yaml:5: "
    message = refused("-c", "r.yaml", command, cwd=tmp_path)
    assert message.startswith(f"{place}dedupe.documents.key: cannot use the JSONPath `$.[`: at character 4")


def test_the_line_of_a_score_that_no_row_has(tmp_path: Path) -> None:
    put(tmp_path / "documents/a.jsonl.gz", "x")
    put(tmp_path / "attributes/q/a.jsonl.gz", "x", attributes={"q__score": []})
    keep = "  keep:\n    policy: highest\n    attribute_set: q\n    attribute: q__scor\n"
    recipe = f"documents: [documents/*]\ndedupe:\n  documents: {{attribute_name: d}}\n{keep}"
    (tmp_path / "r.yaml").write_text(recipe)
    assert refused("dedupe", "-c", "r.yaml", cwd=tmp_path).startswith(
        "r.yaml:7: dedupe.keep.attribute: no row of q has the attribute q__scor; the nearest are q__score. "
    )


def test_a_flag_has_no_line(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("processes: 1\nwork_dir: {input: x}\n")
    for flags, message in [
        (["--processes", "none"], "processes: expected `int`, got `str`"),
        (["--work_dir.input", "y", "--shard", "1"], "shard: expected `str` matching regex"),
    ]:
        assert refused("tag", "-c", "r.yaml", *flags, cwd=tmp_path).startswith(message)


def test_of_a_section_that_a_flag_changes_no_line_is_told(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("tag:\n  documents: [documents/*]\n")
    message = refused("run", "-c", "r.yaml", "--tag.taggers", "nobodys", cwd=tmp_path)
    assert message.startswith("tag: unknown tagger 'nobodys'")
    (tmp_path / "r.yaml").write_text("tag:\n  documents: [documents/*]\n  taggers: [nobodys]\n")
    message = refused("run", "-c", "r.yaml", cwd=tmp_path)
    assert message.startswith("r.yaml:1: tag: unknown tagger 'nobodys'")


def test_what_is_no_key_of_the_recipe_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text("documents: [documents/*]\n")
    assert refused("tag", "-c", "r.yaml", cwd=tmp_path).startswith("taggers: name at least one")
    assert refused("dedupe", "-c", "r.yaml", cwd=tmp_path).startswith("r.yaml: dedupe must be given")
