"""The command line: flags, files before and after the command, refusals and exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from command import dolma, environment, refused, succeed
from dolma import cli, errors
from dolma.cli import parsing
from dolma.commands import listing
from dolma.taggers.catalogue import BUILTIN
from dolma.version import __version__
from folders import everything
from shards import attributes_of, put, read


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    return put(tmp_path / "documents/a.jsonl.gz", "one two", "one two", "")


def parsed(name: str, *arguments: str) -> dict[str, Any]:
    """The values of flags by dotted name."""
    return parsing.parse(name, cli.COMMANDS[name].config, arguments)[1]


def effective(*arguments: object, **options: Any) -> dict[str, Any]:
    """The recipe that a dry run prints."""
    printed: dict[str, Any] = yaml.safe_load(succeed(*arguments, "--dryrun", **options).out)
    return printed


# Flags


@pytest.mark.parametrize(
    ("command", "arguments", "values"),
    [
        ("tag", ["--taggers", "a", "b"], {"taggers": ["a", "b"]}),
        ("tag", ["--taggers=a"], {"taggers": ["a"]}),
        ("tag", ["--processes", "3", "--taggers", "a"], {"processes": "3", "taggers": ["a"]}),
        ("tag", ["--work_dir.input", "/x"], {"work_dir.input": "/x"}),
        ("tag", ["--profile.enable", "--no-debug"], {"profile.enable": True, "debug": False}),
        ("tag", ["--no-profile.enable"], {"profile.enable": False}),
        ("tag", ["--max-bad-records", "6_000"], {"max_bad_records": "6000"}),
        ("tag", ["--max-bad-records=6_000"], {"max_bad_records": "6000"}),
        ("tag", ["--experiment", "a_b"], {"experiment": "a_b"}),
        ("tag", ["--experiment", "null"], {"experiment": None}),
        (
            "tag",
            ["--tagger_options.t.model", "/m", "--dryrun"],
            {"tagger_options.t.model": "/m", "dryrun": True},
        ),
        ("tag", ["--tagger_options.t.threshold=0.5"], {"tagger_options.t.threshold": 0.5}),
        ("tag", ["--tagger_options.t.labels", "[a, b]"], {"tagger_options.t.labels": ["a", "b"]}),
        ("mix", ["--no-shuffle"], {"shuffle": False}),
        ("mix", ["--shuffle", "--no-dryrun"], {"shuffle": True, "dryrun": False}),
        (
            "dedupe",
            ["--bloom_filter.estimated_doc_count", "6_000_000", "--bloom_filter.file", "/f_1"],
            {"bloom_filter.estimated_doc_count": "6000000", "bloom_filter.file": "/f_1"},
        ),
        (
            "dedupe",
            ["--bloom_filter.desired_false_positive_rate", "1e-6", "--no-bloom_filter.read_only"],
            {"bloom_filter.desired_false_positive_rate": "1e-6", "bloom_filter.read_only": False},
        ),
        (
            "dedupe",
            ["--dedupe.paragraphs.attribute_name", "a", "--dedupe.paragraphs.paragraph_separator", "\n\n"],
            {"dedupe.paragraphs.attribute_name": "a", "dedupe.paragraphs.paragraph_separator": "\n\n"},
        ),
    ],
)
def test_flags_become_values(command: str, arguments: list[str], values: dict[str, Any]) -> None:
    assert parsed(command, *arguments) == values


def test_flags_and_numbers_reach_the_effective_recipe(documents: Path) -> None:
    recipe = effective(
        *("dedupe", "--documents", documents, "--dedupe.name", "n", "--dedupe.documents.attribute_name", "d"),
        *("--dedupe.documents.key", "$.text", "--dedupe.skip_empty", "--no-bloom_filter.read_only"),
        *("--bloom_filter.file", documents.parent / "filter", "--bloom_filter.estimated_doc_count", "6_000"),
        *("--bloom_filter.desired_false_positive_rate", "1e-6", "--processes", "2"),
    )
    assert recipe["dedupe"]["documents"] == {"attribute_name": "d", "key": "$.text", "normalize": []}
    assert recipe["dedupe"]["skip_empty"] is True
    assert recipe["bloom_filter"]["estimated_doc_count"] == 6000
    assert recipe["bloom_filter"]["desired_false_positive_rate"] == 1e-6
    assert recipe["processes"] == 2


# Recipes


@pytest.mark.parametrize("form", ["yaml", "json"])
@pytest.mark.parametrize("where", ["before", "after", "equals"])
def test_a_recipe_may_stand_before_and_after_the_command(
    documents: Path, tmp_path: Path, form: str, where: str
) -> None:
    recipe = {
        "documents": [str(documents)],
        "taggers": ["char_length_v1"],
        "experiment": "exp",
        "processes": 1,
    }
    path = tmp_path / f"recipe.{form}"
    path.write_text(json.dumps(recipe) if form == "json" else yaml.safe_dump(recipe))
    flags = ["--processes", "2"]
    arguments = {
        "before": ["-c", path, "tag", *flags],
        "after": ["tag", "-c", path, *flags],
        "equals": [f"--config={path}", "tag", *flags],
    }[where]
    assert effective(*arguments)["processes"] == 2
    succeed(*arguments)
    found = attributes_of(tmp_path / "attributes/exp/a.jsonl.gz")
    assert found == [{"exp__char_length_v1__length": [[0, size, float(size)]]} for size in (7, 7, 0)]


def test_interpolation_works_in_recipes_and_in_flags(documents: Path, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("documents: ['${oc.env:HOME}/documents/*.gz']\nprocesses: ${d.processes:100000}\n")
    recipe = effective(
        *("tag", "-c", path, "--taggers", "char_length_v1", "--experiment", "${oc.env:WHO}"),
        env={"HOME": str(tmp_path), "WHO": "me"},
    )
    assert recipe["documents"] == [f"{tmp_path}/documents/*.gz"]
    assert (recipe["processes"], recipe["experiment"]) == (1, "me")


def test_a_recipe_with_nulls_runs(documents: Path, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(
        f"documents: ['{documents}']\ntaggers: [char_length_v1]\nexperiment: null\nwork_dir: null\n"
        "destination: null\nprofile: {enable: false, output: null, steps: null}\n"
    )
    succeed("tag", "-c", path)
    assert len(read(tmp_path / "attributes/char_length_v1/a.jsonl.gz")) == 3


def test_a_printed_recipe_runs_as_a_recipe(documents: Path, tmp_path: Path) -> None:
    printed = succeed("tag", "--documents", documents, "--taggers", "char_length_v1", "--dryrun").out
    path = tmp_path / "recipe.yaml"
    path.write_text(printed)
    again = succeed("tag", "-c", path).out
    assert again == printed
    succeed("tag", "-c", path, "--no-dryrun")
    assert len(read(tmp_path / "attributes/char_length_v1/a.jsonl.gz")) == 3


@pytest.mark.parametrize("command", ["tag", "dedupe", "mix"])
def test_a_dry_run_writes_nothing(documents: Path, tmp_path: Path, command: str) -> None:
    stream = {"name": "s", "documents": [str(documents)], "output": {"path": str(tmp_path / "mix")}}
    method = {"documents": {"attribute_name": "d"}}
    bloom = {"file": str(tmp_path / "filter"), "read_only": False, "size_in_bytes": 1 << 16}
    recipe = {
        "tag": {"documents": [str(documents)], "taggers": ["char_length_v1"]},
        "dedupe": {"documents": [str(documents)], "dedupe": method, "bloom_filter": bloom},
        "mix": {"streams": [stream]},
    }[command]
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe))
    before = everything(tmp_path)
    result = succeed("-c", path, command, "--dryrun", "--report", tmp_path / "report.json")
    assert everything(tmp_path) == before
    assert "1 shards to do" in result.err


# Refusals


TAG = ("tag", "--documents", "documents/x", "--taggers")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "dolma: which command?"),
        (["tga"], "dolma: there is no command 'tga'; did you mean 'tag'?"),
        (["--verison"], "dolma: unknown option --verison"),
        (["-c"], "dolma: -c needs the path of a recipe"),
        (["tokens"], f"dolma: tokens is not there yet in version {__version__}"),
        (["tag", "--tagers", "x"], "dolma tag: unknown option --tagers; did you mean --taggers?"),
        (["tag", "--tagers=x"], "dolma tag: unknown option --tagers=x; did you mean --taggers?"),
        (["tag", "--work_dir.inptu", "x"], "unknown option --work_dir.inptu; did you mean --work_dir.input?"),
        (["tag", "--no-debgu"], "dolma tag: unknown option --no-debgu; did you mean --no-debug?"),
        (["tag", "--tag", "x"], "dolma tag: unknown option --tag"),
        (["tag", "stray"], "dolma tag: unknown option stray"),
        (["tag", "--processes"], "dolma tag: argument --processes: expected one argument"),
        (["tag", "--debug=maybe"], "dolma tag: argument --debug: ignored explicit argument 'maybe'"),
        (["tag", "--processes", "many"], "command line: processes: expected `int`, got `str`"),
        (["tag", "--processes", "0"], "command line: processes: expected `int` >= 1"),
        (
            ["tag", "--progress", "loud"],
            "command line: progress: invalid enum value 'loud'; it is one of 'auto'",
        ),
        (["tag", "--shard", "8"], "command line: shard: expected `str` matching regex"),
        (["tag", "--documents", "documents/x"], "taggers: name at least one (`dolma list` shows all)"),
        ([*TAG, "gofer_v1"], "unknown tagger 'gofer_v1'; did you mean 'gopher_v1'?"),
        (["tag", "--taggers", "gopher_v1"], "documents: name at least one path"),
        (["tag", "--tagger_options.t.x"], "dolma tag: --tagger_options.t.x needs a value"),
        (
            [*TAG, "gopher_v1", "--tagger_options.gopher_v2.x", "1"],
            "tagger_options: 'gopher_v2' is not among the taggers of this run",
        ),
        (
            [*TAG, "gopher_v1", "--tagger_options.gopher_v1.x", "1"],
            "tagger gopher_v1 has no option 'x'; it has none",
        ),
        (
            [*TAG, "quality_fasttext_v1", "--tagger_options.quality_fasttext_v1.modle", "m"],
            "tagger quality_fasttext_v1 has no option 'modle'; did you mean 'model'?",
        ),
        (
            [*TAG, "quality_fasttext_v1"],
            "tagger quality_fasttext_v1 needs the option model: set tagger_options.quality_fasttext_v1.model",
        ),
        (["dedupe"], "command line: dedupe must be given, a section of options"),
        (["mix"], "streams: the recipe has none; a mix needs at least one"),
        (["mix", "--streams", "x"], "dolma mix: unknown option --streams"),
        (["list", "--verbose", "gopher"], "unknown tagger 'gopher'; did you mean 'gopher_v"),
        (["-c", "/nowhere.yaml", "tag"], "cannot read the recipe /nowhere.yaml: No such file or directory"),
    ],
)
def test_mistakes_are_one_message_and_exit_code_2(arguments: list[str], message: str) -> None:
    assert message in refused(*arguments)


@pytest.mark.parametrize(
    ("command", "recipe", "message"),
    [
        ("tag", {"taggres": ["x"]}, "unknown key 'taggres'; did you mean 'taggers'?"),
        ("tag", {"work_dir": {"inputs": "x"}}, "unknown key 'work_dir.inputs'; did you mean 'input'?"),
        ("tag", {"documents": "x"}, "documents: expected `array`, got `str`; write a list"),
        ("dedupe", {"bloom_filtr": {}}, "unknown key 'bloom_filtr'; did you mean 'bloom_filter'?"),
        (
            "mix",
            {"streams": [{"name": "a", "fliter": {}}]},
            "unknown key 'streams[0].fliter'; did you mean 'filter'?",
        ),
    ],
)
def test_mistakes_in_a_recipe_name_the_file_the_line_and_the_key(
    tmp_path: Path, command: str, recipe: dict[str, Any], message: str
) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(recipe))
    assert refused("-c", path, command) == f"{path}:1: {message}"


def test_a_document_that_is_not_below_documents_is_refused(tmp_path: Path) -> None:
    path = put(tmp_path / "document/a.jsonl.gz", "one")
    message = refused("tag", "--documents", path, "--taggers", "char_length_v1")
    assert f"{path} is not below a folder called 'documents' (there is 'document')" in message


# Exit codes


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_ends_a_command_with_its_code(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error: type[errors.DolmaError] = getattr(errors, name)

    def run(config: object) -> None:
        raise error("it is broken")

    monkeypatch.setattr(listing, "run", run)
    assert cli.main(["list"]) == error.exit_code
    assert capsys.readouterr().err == "error: it is broken\n"


def test_an_interrupted_command_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(config: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(listing, "run", run)
    assert cli.main(["list"]) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_an_input_that_is_not_there_ends_with_3(tmp_path: Path) -> None:
    result = dolma("tag", "--documents", tmp_path / "documents/*.gz", "--taggers", "char_length_v1")
    assert result.code == 3
    assert (
        f"error: {tmp_path}/documents/*.gz: matches no file; the nearest existing parent is {tmp_path}"
        in result.err
    )


def test_a_failed_shard_ends_with_4(documents: Path) -> None:
    documents.write_bytes(documents.read_bytes()[:-10])
    result = dolma("tag", "--documents", documents, "--taggers", "char_length_v1")
    assert result.code == 4
    assert "1 of 1 shards failed" in result.err
    assert str(documents) in result.err


def test_an_asset_that_is_not_there_ends_with_6(documents: Path, tmp_path: Path) -> None:
    result = dolma(
        *("tag", "--documents", documents, "--taggers", "quality_fasttext_v1"),
        *("--tagger_options.quality_fasttext_v1.model", tmp_path / "gone.bin"),
    )
    assert result.code == 6
    assert "gone.bin is neither a file, nor a URL, nor the name of an asset" in result.err


# What is printed


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_printed(flag: str) -> None:
    assert succeed(flag) == (0, f"dolma {__version__}\n", "")


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_lists_the_commands(flag: str) -> None:
    printed = succeed(flag).out
    assert [name for name in cli.COMMANDS if f"\n  {name} " not in printed] == []


@pytest.mark.parametrize("command", cli.COMMANDS)
def test_help_of_a_command_shows_every_flag(command: str) -> None:
    printed = succeed(command, "--help").out
    assert [
        flag.name for flag in parsing.flags(cli.COMMANDS[command].config) if f"--{flag.name}" not in printed
    ] == []


def test_list_shows_every_tagger_with_a_line() -> None:
    printed = succeed("list").out.splitlines()
    assert [line.split()[0] for line in printed] == sorted(BUILTIN)
    assert all(len(line.split()) > 3 for line in printed)


def test_list_shows_the_documentation_of_one_tagger() -> None:
    printed = succeed("list", "--verbose", "quality_fasttext_v1").out
    assert printed.startswith("quality_fasttext_v1 (classifier, heavy)\n")
    assert "option model: (needed)" in printed


def test_a_run_prints_the_recipe_on_stdout_and_its_account_on_stderr(documents: Path) -> None:
    result = succeed("tag", "--documents", documents, "--taggers", "char_length_v1")
    assert yaml.safe_load(result.out)["taggers"] == ["char_length_v1"]
    assert "tag: done in 0s: 3 documents read = 3 written + 0 dropped + 0 bad" in result.err


def test_a_reader_that_has_had_enough_is_no_failure_with_a_traceback() -> None:
    command = f"{sys.executable} -m dolma list | head -c 1"
    done = subprocess.run(
        ["bash", "-c", command], env=environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_python_m_dolma_cli_is_dolma() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dolma.cli", "--version"],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, f"dolma {__version__}\n")
