"""The block lists and allow lists of addresses that the URL taggers look things up in.

The published package reads snapshots of February 2024 from one server; these are they, so that scores
agree. Their checksums were never published: the first download pins them (see `pins`).
"""

from __future__ import annotations

__all__ = ["LISTS", "list_name"]

_SERVER = "https://dolma-artifacts.org"

#: Who keeps the lists of each folder, and under which licence.
_SOURCES = {
    "blocklist_utp": ("CC BY-SA 4.0", "the blacklists of Université Toulouse Capitole"),
    "blocklist_phishing_db": ("MIT", "the Phishing.Database project"),
    "blocklist_oisd": ("GPL-3.0", "oisd.nl"),
    "blocklist_brave": ("MPL-2.0", "the filter lists of the Brave browser"),
    "blocklist_project": ("Unlicense", "The Block List Project"),
    "blocklist_firebog": ("of each list", "the collection of firebog.net"),
    "blocklist_hosts": ("MIT", "StevenBlack/hosts"),
    "wikidata": ("CC0 1.0", "Wikidata, a query of February 2022"),
}

#: Below the snapshot's folder: the files, by the folder.
_FILES = {
    "blocklist_utp/blocklist_utp-20240205": ("adult/domains",),
    "blocklist_phishing_db/blocklist_phishing_db-20240205": ("domains.txt.gz",),
    "blocklist_oisd/blocklist_oisd-20240205": (
        "oisd_small_abp.txt.gz",
        "oisd_big_abp.txt.gz",
        "oisd_nsfw_abp.txt.gz",
    ),
    "blocklist_brave/blocklist_brave-20240206": (
        "brave_ad_block_first_party_filters.txt",
        "brave_ad_block_updater.txt",
        "blocklists_anti_porn.txt",
    ),
    "blocklist_project/blocklist_project-20240207": tuple(
        f"{topic}.txt"
        for topic in [
            "abuse",
            "adobe",
            "ads",
            "basic",
            "crypto",
            "drugs",
            "facebook",
            "fortnite",
            "fraud",
            "gambling",
            "malware",
            "phishing",
            "piracy",
            "porn",
            "ransomware",
            "redirect",
            "scam",
            "smart-tv",
            "tiktok",
            "tracking",
            "twitter",
            "vaping",
            "whatsapp",
            "youtube",
        ]
    ),
    "blocklist_firebog/blocklist_firebog-20240208": tuple(
        f"{folder}/{file}.txt"
        for folder, files in (
            ("ads/blue", "hosts"),
            (
                "ads/green",
                "AdguardDNS Admiral adservers Easylist-2 hosts-2 hosts-3 hosts serverlist simple_ad",
            ),
            ("crypto/green", "hosts_browser"),
            ("malicious/blue", "phishing-filter-hosts Prigent-Malware"),
            (
                "malicious/green",
                "AntiMalwareHosts hostfile hosts-2 hosts latestdomains main-blacklist Mandiant_APT1_Report_Appendix_D "
                "notrack-malware phishing_army_blocklist_extended Prigent-Crypto RPiList-Malware RPiList-Phishing "
                "simple_malvertising",
            ),
            ("nsfw/blue", "pi_blocklist_porn_top1m.list Prigent-Adult"),
            ("social/blue", "facebook"),
            ("suspicious/blue", "hosts-2 hosts-3 hosts-4 hosts-file neohostsbasic SNAFU spammers"),
            ("suspicious/green", "hosts KADhosts w3kbl"),
            (
                "trackers/blue",
                "ads-and-tracking-extended AmazonFireTV android-tracking notrack-blocklist SmartTV",
            ),
            ("trackers/green", "Easyprivacy firstparty-trackers-hosts hosts Prigent-Ads spy"),
        )
        for file in files.split()
    ),
    "blocklist_hosts/blocklist_hosts-20240208": tuple(
        f"{topic}.txt" for topic in ("adware_malware", "fakenews", "gambling", "porn", "social")
    ),
    "wikidata/wikidata-20220208": ("periodical-Q1002697/response.json", "website-Q35127/response.json"),
}


def list_name(path: str) -> str:
    """The name of the asset for a path below the server: its parts but the first, joined by `-`."""
    return path.partition("/")[2].replace("/", "-")


#: Name, URL, licence and description of every list.
LISTS = [
    (list_name(path), f"{_SERVER}/{path}", licence, f"A list of addresses, from {keeper}.")
    for folder, files in _FILES.items()
    for path in (f"{folder}/{file}" for file in files)
    for licence, keeper in (_SOURCES[folder.partition("/")[0]],)
]
