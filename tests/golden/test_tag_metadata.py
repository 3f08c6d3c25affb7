"""What the taggers of addresses, licences and source code say of small documents, worked out by hand.

The lists are made here, under the names of the assets: the published ones are not where tests run.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from dolma import testing
from dolma.assets import ASSETS
from dolma.assets.lists import LISTS
from dolma.errors import DolmaAssetError, DolmaConfigError
from dolma.taggers.catalogue import BUILTIN, url

TEXT = "añb"
HIT = {"url": [(0, 3, 1.0)]}

HOSTS = "# hosts\n0.0.0.0 bad.example\n127.0.0.1 www.worse.example # why\n||rule.example^\nplain.example\n"
RULES = "[Adblock Plus]\n! rules\n||bad.example^\n@@||good.bad.example^\n/ads/*.gif\n"
ROWS = [
    {"url": "https://www.bad.example/", "description": "weekly newspaper"},
    {"url": "https://casino.example/", "description": "online casino"},
]


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of assets with a small list under every name."""
    for name, *_ in LISTS:
        if name.startswith("wikidata"):
            content = json.dumps(ROWS)
        elif name.startswith(("blocklist_oisd", "blocklist_brave")):
            content = RULES
        else:
            content = HOSTS
        data = content.encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    monkeypatch.setenv("DOLMA_ASSETS", str(tmp_path))
    return tmp_path


def found(tagger: str, address: Any, **options: Any) -> dict[str, Any]:
    return testing.tag(tagger, TEXT, metadata={"url": address}, **options)


PUBLISHED = [tagger.name for tagger in url.TAGGERS if tagger.assets.get("paths")]


@pytest.mark.parametrize("tagger", PUBLISHED)
def test_an_address_on_the_list_has_the_span_and_another_has_none(tagger: str, lists: Path) -> None:
    address = "https://plain.example/" if tagger.startswith("link") else "https://user@WWW.Bad.example/a?b"
    assert found(tagger, address) == HIT
    for none in ("https://other.example/", "not an address", "", None, 5, "http://127.0.0.1/"):
        assert found(tagger, none) == {}, none
    assert testing.tag(tagger, TEXT, metadata={}) == {}


def test_every_list_belongs_to_a_tagger_and_is_an_asset() -> None:
    used = {path for tagger in url.TAGGERS for path in tagger.assets.get("paths") or ()}
    assert used == {name for name, *_ in LISTS}
    assert used < set(ASSETS)
    assert len(used) == 88
    for tagger in url.TAGGERS:
        paths = tagger.assets.get("paths") or ()
        assert len(set(paths)) == len(paths)
    assert len(BUILTIN["blocklist_firebog_ads_v1"].assets["paths"] or ()) == 10
    assert len(BUILTIN["blocklist_firebog_trackers_v1"].assets["paths"] or ()) == 10


def test_without_its_lists_a_tagger_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOLMA_ASSETS", str(tmp_path))
    monkeypatch.setenv("DOLMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DOLMA_FETCH", raising=False)
    with pytest.raises(DolmaAssetError, match="dolma assets fetch blocklist_utp-20240205-adult-domains"):
        found("domain_blocklist_utp_v1", "http://bad.example")


def test_hosts_are_told_from_hosts_that_look_alike(lists: Path) -> None:
    assert found("blocklist_hosts_porn_v1", "http://www.worse.example/") == HIT
    # The published tagger strips letters from the front: these two would be one there.
    assert found("blocklist_hosts_porn_v1", "http://orse.example/") == {}
    assert found("blocklist_hosts_porn_v1", "http://sub.bad.example/") == {}


def test_the_cleaned_list_of_wikidata_is_clean_in_its_second_version(lists: Path) -> None:
    for tagger, hit in (("allowlist_wikidata_cleaned_v1", HIT), ("allowlist_wikidata_cleaned_v2", {})):
        assert found(tagger, "http://casino.example") == hit
    assert found("allowlist_wikidata_cleaned_v2", "http://news.bad.example") == HIT


def test_lists_of_ones_own(tmp_path: Path) -> None:
    hosts, more, rules = (tmp_path / name for name in ("hosts.txt", "more.txt.gz", "rules.txt"))
    hosts.write_text(HOSTS)
    more.write_bytes(gzip.compress(b"more.example\n"))
    rules.write_text(RULES)
    paths = [str(hosts), str(more)]
    assert found("url_blocklist_v1", "http://a.more.example/", paths=paths) == HIT
    assert found("url_blocklist_v1", "http://a.bad.example/", paths=str(hosts)) == HIT
    assert found("url_blocklist_v1", "http://a.bad.example/", paths=str(hosts), subdomains=False) == {}
    assert found("url_blocklist_v1", "http://x.example/ads/1.gif?q", paths=str(rules), format="rules") == HIT
    assert found("url_blocklist_v1", "http://good.bad.example/", paths=str(rules), format="rules") == {}
    with pytest.raises(DolmaConfigError, match="format is hosts, addresses or rules"):
        found("url_blocklist_v1", "x", paths=str(hosts), format="domain")
    with pytest.raises(DolmaConfigError, match=r"tagger_options\.url_blocklist_v1\.paths"):
        found("url_blocklist_v1", "x")
    hosts.write_text("# nothing\n")
    with pytest.raises(DolmaAssetError, match="no line of the list is an entry"):
        found("url_blocklist_v1", "x", paths=str(hosts))


def test_words_in_addresses(tmp_path: Path) -> None:
    options = {}
    for name, words in (("strict", "verybad\n"), ("hard", "bad\n"), ("soft", "poor\nweak\n")):
        (tmp_path / name).write_text(words)
        options[name] = str(tmp_path / name)
    whole = [(0, 3, 1.0)]
    assert found("url_words_v1", "http://x.example/very-bad", **options) == {
        "strict": whole,
        "hard": whole,
        "blocked": whole,
    }
    assert found("url_words_v1", "http://poor.example/poor", **options) == {"soft": whole}
    two = found("url_words_v1", "http://poor.example/weak", **options)
    assert two == {"soft": [(0, 3, 2.0)], "blocked": whole}
    one = found("url_words_v1", "http://poor.example/", soft_words=1, **options)
    assert one == {"soft": whole, "blocked": whole}


def test_licences() -> None:
    link = '<a rel="license" href="https://creativecommons.org/licenses/{}">'
    page = link.format("by-sa/4.0/deed.de") + "\n" + link.format("by/7.0/")
    assert testing.tag("cc_re", TEXT, metadata={"html": page}) == {
        "cc_by_sa_4_0_de": [(0, 3, 1.0)],
        "cc_by_7_0": [(0, 3, 0.75)],
    }
    assert testing.tag("cc_re_fast", TEXT, metadata={"html": page}) == {
        "cc_by_sa": [(0, 3, 1.0)],
        "cc_by": [(0, 3, 0.75)],
    }
    for none in ({}, {"html": None}, {"html": "creativecommons.org/licenses"}):
        assert testing.tag("cc_re", TEXT, metadata=none) == {}


def test_types_of_one_page_are_no_types_of_the_next(tmp_path: Path) -> None:
    pages = [f'<a href="https://creativecommons.org/licenses/by/{n}.{n}/">' for n in (7, 8, 7)]
    rows = [testing.tag_all("cc_re", [TEXT] * 2, metadata={"html": page}) for page in pages]
    assert [list(row[1]) for row in rows] == [["cc_by_7_7"], ["cc_by_8_8"], ["cc_by_7_7"]]


def test_wishes_not_to_be_used() -> None:
    page = "<html><meta name='robots' content='noai, noindex'></html>"
    whole = [(0, 3, 1.0)]
    found = testing.tag(
        "license_optout_v1", TEXT, metadata={"html": page, "headers": {"TDM-Reservation": "1"}}
    )
    assert found == {"optout": whole, "noai": whole, "tdm_reservation": whole}
    assert testing.tag("license_optout_v1", TEXT, metadata={"html": "<p>noai</p>"}) == {}


def test_code() -> None:
    code = "# Copyright me\n\nx = 1\n"
    assert testing.marked("code_copyright_comments_v2", code)["comment_block"] == ["# Copyright me\n\n"]
    rules = testing.tag("code_redpajama_taggers_v1", code)
    assert {kind: spans[0][2] for kind, spans in rules.items()} == {
        "max_line_length_doc": 14.0,
        "avg_line_length_doc": 6.33333,
        # 13 letters and digits of 22 characters; 12 letters by 6 tokens and one.
        "alnum_prop_doc": 0.59091,
        "alpha_token_prop_doc": 1.71429,
    }


def test_starcoder() -> None:
    pytest.importorskip("pygments")
    pytest.importorskip("bs4")
    code = '"""Says."""\n# why\nx = 1\n'
    found = testing.tag("code_starcoder_taggers_v2", code, metadata={"ext": "py", "max_stars_count": 3})
    assert {kind: spans[0][2] for kind, spans in found.items()} == {
        "has_xml_template_doc": 0.0,
        "num_github_stars_doc": 3.0,
        # "Says.", a newline and " why".
        "code_to_comment_ratio_doc": round(10 / len(code), 5),
        "code_to_text_ratio_html_doc": 1.0,
    }
    page = f"<html><script>x</script><p>{'word ' * 30}</p></html>"
    found = testing.tag("code_starcoder_taggers_v1", page, metadata={"ext": "html"})
    assert found["code_to_text_ratio_html_doc"][0][2] == round(150 / len(page), 5)


def test_pages_that_look_like_something_else_are_read_without_a_word(
    recwarn: pytest.WarningsRecorder,
) -> None:
    pytest.importorskip("pygments")
    pytest.importorskip("bs4")
    for page in ("<?xml version='1.0'?><a>word</a>", "http://example.org/", "a.html"):
        testing.tag("code_starcoder_taggers_v2", page, metadata={"ext": "html"})
    assert not [str(warning.message) for warning in recwarn]


def test_secrets() -> None:
    pytest.importorskip("detect_secrets")
    key = "AKIAIOSFODNN7EXAMPLF"
    assert testing.marked("code_secrets_v1", f"é\r\nkey = '{key}'\n")["SECRET_AWS_Access_Key"] == [key]


def test_code_and_prose(tmp_path: Path) -> None:
    model = Path(__file__).resolve().parents[1] / "data" / "fasttext"
    models = sorted(model.glob("*.bin")) + sorted(model.glob("*.ftz"))
    text = "the cat sat on the mat\n\n  ab\r\nthe dog sat on the rug\n"
    found = testing.tag("code_composition", text, model=str(models[0]))
    assert found["boundaries"] == [(0, len(text), 0.0)]
    assert found["other"] == [(0, len(text), 1.0)]
    assert found["other_pct"] == [(0, len(text), 0.33)]
    assert found["other_entropy"] == [(0, len(text), 0.0)]
    assert sum(spans[0][2] for kind, spans in found.items() if kind.endswith("_pct")) == pytest.approx(
        1, abs=0.011
    )
