"""Declarations of the taggers that look a document's address up."""

from __future__ import annotations

from math import inf

from ...assets.lists import LISTS
from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]

_HIT = (AttributeType(name="url", unit="document", meaning="the address is on the list", low=1),)

_LOOKUP = """
The address is `metadata.url`; a document without one, or whose address is on no list, has no span. The
lists are assets (`dolma assets fetch`); others go under `tagger_options.<tagger>.paths`.
"""

_HOSTS = (
    _LOOKUP
    + """
A hit is the host itself, with or without `www.`; domains below it are other hosts (`url_blocklist_v1`
covers them). Lists hold hosts files, one name a line, or `||name^` rules, mixed. As published but for
three faults: there `www.` was taken off letter by letter, so that `wxyz.com` was found where `xyz.com` is
listed; 127.0.0.1, 0.0.0.0 and `localhost` became entries; and names with a comment behind them were never
found.
"""
)

_RULES = (
    _LOOKUP
    + """
The lists hold filter rules in the language of Adblock Plus, applied by Brave's engine. As published, the
rules see the address without scheme and query, as a resource of no kind asked for from nowhere: rules for
scripts or images, and rules for pages of certain sites, do not fire; `||www.name` also blocks without `www.`.
The engine is a later version: the published one merges rules for pages of certain sites into rules for all.
"""
)


#: The assets of each snapshot's folder, by their names below it.
_FOLDERS: dict[str, dict[str, str]] = {}
for _name, *_ in LISTS:
    _folder, _day, _file = _name.split("-", 2)
    _FOLDERS.setdefault(_folder, {})[_file] = _name


def _paths(folder: str, *files: str) -> tuple[str, ...]:
    """The assets of a snapshot's folder that are called `files` there."""
    return tuple(_FOLDERS[folder][file] for file in files)


def _below(folder: str, topic: str) -> tuple[str, ...]:
    """The assets of a snapshot's folder that are below `topic`."""
    return tuple(name for file, name in _FOLDERS[folder].items() if file.startswith(f"{topic}-"))


def _tagger(name: str, kernel: str, doc: str, about: str, paths: tuple[str, ...]) -> Kernel:
    return Kernel(
        name=name,
        family="url",
        cost="light",
        outputs=_HIT,
        kernel=kernel,
        doc=f"{doc}\n{about}",
        assets={"paths": paths},
    )


def _project(topic: str, what: str, *files: str) -> Kernel:
    doc = f"Addresses of {what} (The Block List Project)."
    paths = _paths("blocklist_project", *(f"{file}.txt" for file in files))
    return _tagger(f"blocklist_project_{topic}_v1", "url_hosts", doc, _HOSTS, paths)


def _firebog(topic: str, what: str) -> Kernel:
    doc = f"Addresses of {what} (the lists of firebog.net)."
    paths = _below("blocklist_firebog", topic)
    return _tagger(f"blocklist_firebog_{topic}_v1", "url_hosts", doc, _HOSTS, paths)


def _stevenblack(topic: str, what: str) -> Kernel:
    doc = f"Addresses of {what} (StevenBlack/hosts)."
    paths = _paths("blocklist_hosts", f"{topic}.txt")
    return _tagger(f"blocklist_hosts_{topic}_v1", "url_hosts", doc, _HOSTS, paths)


def _rules(name: str, what: str, folder: str, *files: str) -> Kernel:
    return _tagger(name, "url_rules", f"Addresses that {what} blocks.", _RULES, _paths(folder, *files))


_PHISHING = _paths("blocklist_phishing_db", "domains.txt.gz")
_WIKIDATA = _paths("wikidata", "periodical-Q1002697-response.json", "website-Q35127-response.json")

_ALLOWED = (
    _LOOKUP
    + """
A host counts as known where it or its last two labels are those of a known one, as published: for names
under suffixes such as `co.uk` that says nothing (`allowlist_wikidata_cleaned_v2` has exact names).
"""
)

TAGGERS = (
    _tagger(
        "domain_blocklist_utp_v1",
        "url_hosts",
        "Addresses of adult sites (the blacklist of Université Toulouse Capitole).",
        _HOSTS,
        _paths("blocklist_utp", "adult-domains"),
    ),
    _tagger(
        "domain_blocklist_phishing_v1",
        "url_hosts",
        "Addresses on hosts of phishing pages (Phishing.Database).",
        _HOSTS,
        _PHISHING,
    ),
    _tagger(
        "link_blocklist_phishing_v1",
        "url_links",
        "Addresses of phishing pages (Phishing.Database).",
        _LOOKUP
        + "\nA hit is the whole address, host, port and path, without scheme and query. As published, lines of the "
        "list are\ntaken as they are, in lower case; the list names domains, so that start pages are found.\n",
        _PHISHING,
    ),
    _rules("oisd_small_abp_v1", "oisd small (ads)", "blocklist_oisd", "oisd_small_abp.txt.gz"),
    _rules("oisd_big_abp_v1", "oisd big (ads, trackers, malware)", "blocklist_oisd", "oisd_big_abp.txt.gz"),
    _rules("oisd_nsfw_abp_v1", "oisd nsfw (adult content)", "blocklist_oisd", "oisd_nsfw_abp.txt.gz"),
    _rules(
        "brave_core_abp_v1",
        "the Brave browser (ads, trackers)",
        "blocklist_brave",
        "brave_ad_block_first_party_filters.txt",
        "brave_ad_block_updater.txt",
    ),
    _rules(
        "brave_nsfw_abp_v1",
        "the Brave browser's list of adult content",
        "blocklist_brave",
        "blocklists_anti_porn.txt",
    ),
    _project("nsfw", "adult sites", "porn"),
    _project("social", "social networks", "facebook", "fortnite", "tiktok", "twitter", "whatsapp", "youtube"),
    _project(
        "crime",
        "fraud, malware and piracy",
        "abuse",
        "fraud",
        "malware",
        "phishing",
        "piracy",
        "ransomware",
        "scam",
        "redirect",
    ),
    _project("vice", "drugs, gambling and crypto mining", "crypto", "drugs", "gambling", "vaping"),
    _project("ads", "advertising and tracking", "adobe", "ads", "basic", "smart-tv", "tracking"),
    _firebog("ads", "advertising"),
    _firebog("crypto", "crypto mining"),
    _firebog("malicious", "malware and phishing"),
    _firebog("nsfw", "adult sites"),
    _firebog("social", "social networks"),
    _firebog("suspicious", "spam and suspicious sites"),
    _firebog("trackers", "tracking"),
    _stevenblack("adware_malware", "adware and malware"),
    _stevenblack("fakenews", "fake news"),
    _stevenblack("gambling", "gambling"),
    _stevenblack("porn", "adult sites"),
    _stevenblack("social", "social networks"),
    _tagger(
        "allowlist_wikidata_v1",
        "url_wikidata",
        "Addresses of websites and periodicals that Wikidata knows.",
        _ALLOWED,
        _WIKIDATA,
    ),
    _tagger(
        "allowlist_wikidata_cleaned_v1",
        "url_wikidata",
        "The same as `allowlist_wikidata_v1`: the published one never applies its filter.",
        _ALLOWED,
        _WIKIDATA,
    ),
    Kernel(
        name="allowlist_wikidata_cleaned_v2",
        family="url",
        cost="light",
        outputs=_HIT,
        kernel="url_wikidata",
        options={"exact": True},
        assets={"paths": _WIKIDATA},
        doc="Addresses of websites and periodicals that Wikidata describes, without adult and social ones.\n"
        + _LOOKUP
        + "\nRows without a description, with one that says no more than `website` or `company`, with a word of "
        "adult content,\ngossip, gambling, jokes or social media in it, or with an address under `.xxx` and the like "
        "are left out, as\n`allowlist_wikidata_cleaned_v1` was meant to do. A hit is a known host or one below it.\n",
    ),
    Kernel(
        name="url_blocklist_v1",
        family="url",
        cost="light",
        outputs=_HIT,
        kernel="url_list",
        assets={"paths": None},
        settable=("format", "subdomains"),
        doc="Addresses on lists of your own: hosts, whole addresses, or filter rules.\n\n"
        "`paths`: one list or several, of any compression. `format`: `hosts` (the default: hosts files, one name a\n"
        "line, `||name^`, mixed; with `subdomains`, on by default, what is below a name is found too), `addresses`\n"
        "(host, port and path count, scheme and query do not) or `rules` (the language of Adblock Plus; they see "
        "the\nwhole address). The address is `metadata.url`; without a hit there is no span.\n",
    ),
    Kernel(
        name="url_words_v1",
        family="url",
        cost="light",
        outputs=(
            AttributeType(
                name="strict", unit="document", meaning="parts of words of the strict list", low=1, high=inf
            ),
            AttributeType(name="hard", unit="document", meaning="words of the hard list", low=1, high=inf),
            AttributeType(name="soft", unit="document", meaning="words of the soft list", low=1, high=inf),
            AttributeType(name="blocked", unit="document", meaning="one strict, one hard or two soft", low=1),
        ),
        kernel="url_words",
        assets={
            "strict": "url_banned_subwords",
            "hard": "url_banned_words",
            "soft": "url_soft_banned_words",
        },
        settable=("soft_words",),
        doc="Words in the address that tell adult content, the second half of RefinedWeb's URL filter.\n\n"
        "Penedo et al. 2023 (RefinedWeb, G.1), with the lists of `datatrove`: `strict` words count anywhere in the "
        "letters\nof `metadata.url`, `hard` and `soft` ones as whole words between other characters; each is counted "
        "once.\n`blocked` where there is one strict or hard word, or `soft_words` (2) soft ones. Upper and lower case "
        "are the\nsame. Without any, no span. Other lists, one word a line, under `tagger_options`.\n",
    ),
)
