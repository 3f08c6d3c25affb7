"""Names of files: documents/ ↔ attributes/, what a run writes and where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dolma import paths
from dolma.errors import DolmaConfigError
from dolma.paths import Place


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ("/d/documents/a.gz", "/d/attributes/e/a.gz"),
        ("documents/a.gz", "attributes/e/a.gz"),
        ("s3://bucket/p/documents/x/y/a.gz", "s3://bucket/p/attributes/e/x/y/a.gz"),
        # Only the first component of that name, never a part of one, never the bucket or the file.
        ("/documents/x/documents/a.gz", "/attributes/e/x/documents/a.gz"),
        ("/my-documents/documents/a.gz", "/my-documents/attributes/e/a.gz"),
        ("s3://documents/documents/a.gz", "s3://documents/attributes/e/a.gz"),
        ("/documents/documents", "/attributes/e/documents"),
    ],
)
def test_attributes_stand_beside_documents(document: str, place: str) -> None:
    assert paths.attribute_place(document, "e").path == place


@pytest.mark.parametrize("document", ["/d/a.gz", "s3://documents/a.gz", "/d/documents"])
def test_documents_elsewhere_have_no_place_for_attributes(document: str) -> None:
    with pytest.raises(
        DolmaConfigError, match=r"is not below a folder called 'documents'.*set a destination"
    ):
        paths.attribute_place(document, "e")


def test_a_misspelt_folder_is_pointed_out() -> None:
    with pytest.raises(DolmaConfigError, match=r"\(there is 'document'\)"):
        paths.attribute_place("/d/document/a.gz", "e")


def test_another_folder_may_stand_for_documents() -> None:
    assert paths.attribute_place("/d/texts/x/a.gz", "e", "texts") == Place("/d/attributes/e", "x/a.gz")


FOLDERS = st.lists(st.sampled_from(["a", "b.c", "documents", "attributes", "ü"]), max_size=5)


@given(FOLDERS, st.sampled_from(["a.gz", "b.jsonl.zst", "documents"]))
def test_t1_everything_below_documents_stays_as_it_is(folders: list[str], name: str) -> None:
    document = "/".join(["/root", "documents", *folders, name])
    place = paths.attribute_place(document, "e")
    assert place == Place("/root/attributes/e", "/".join([*folders, name]))
    assert paths.relative_to_documents(document) == place.relative


def test_names_of_attributes_are_variables() -> None:
    assert paths.make_variable_name("dclm-oh-eli5") == "dclm_oh_eli5"
    assert paths.make_variable_name("__label__nsfw é") == "__label__nsfw__"
    for name in ("", "1st"):
        with pytest.raises(DolmaConfigError, match="must start with a letter or _"):
            paths.make_variable_name(name)


def test_one_destination_takes_everything_below_the_common_folder() -> None:
    documents = [
        ("s3://b/documents/head/1.gz", "s3://b/documents/head/*.gz"),
        ("s3://b/documents/tail/x/2.gz", "s3://b/documents/tail/**/*.gz"),
    ]
    places = paths.destination_places(documents, [pattern for _, pattern in documents], "/out/", "e")
    assert [place.path for place in places] == ["/out/e/head/1.gz", "/out/e/tail/x/2.gz"]


def test_a_destination_for_each_pattern_takes_what_that_matches() -> None:
    documents = [("/d/a/x/1.gz", "/d/a/**"), ("/d/b/2.gz", "/d/b/2.gz")]
    places = paths.destination_places(documents, ["/d/a/**", "/d/b/2.gz"], ["/out/a/", "/out/b"], "e")
    assert [place.path for place in places] == ["/out/a/x/1.gz", "/out/b/2.gz"]
    with pytest.raises(DolmaConfigError, match="destination lists 1 folders for 2 document paths"):
        paths.destination_places(documents, ["/d/a/**", "/d/b/2.gz"], ["/out"], "e")


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        ("/a/b/*.gz", "/a/b"),
        ("/a/b*/c", "/a"),
        ("/a/b.gz", "/a"),
        ("*.gz", ""),
        ("s3://b/x/[ab]/y", "s3://b/x"),
    ],
)
def test_the_static_prefix_ends_before_the_first_wildcard(pattern: str, prefix: str) -> None:
    assert paths.static_prefix(pattern) == prefix


def test_m6_all_outputs_of_a_mix_are_called_alike() -> None:
    assert [paths.mix_name("web", index, ".gz") for index in (0, 12345)] == [
        "web-0000.jsonl.gz",
        "web-12345.jsonl.gz",
    ]


def test_records_are_hidden_at_the_root_of_an_output() -> None:
    assert (
        paths.hidden(Place("/d/attributes/e", "x/a.gz"), "done") == "/d/attributes/e/.dolma/done/x/a.gz.json"
    )
