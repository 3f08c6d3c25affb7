"""What is put into the sample on purpose: duplicates, PII-like strings and junk.

Every injected document is listed, so that a demonstration can say what a pipeline should find. All
addresses, numbers and hosts come from ranges reserved for documentation: example.com/.org/.net
(RFC 2606), 192.0.2.0/24, 198.51.100.0/24 and 203.0.113.0/24 (RFC 5737), and telephone numbers
555-0100 to 555-0199. Everything follows from the random generator handed in.
"""

from collections.abc import Callable
from random import Random
from typing import Any

Document = dict[str, Any]
Record = dict[str, Any]
Injected = list[tuple[Document, Record]]

EXACT_COPIES = 44
NEAR_COPIES = 48
PII_DOCUMENTS = 40
NEAR_SHARES = (0.01, 0.02, 0.05)
"""Shares of words edited in the near duplicates."""

_NAMES = ("ada", "ben.ito", "carla_meyer", "d.novak", "emil+debian", "fatou", "grace.h", "hugo-99")
_DOMAINS = ("example.com", "example.org", "example.net", "mail.example.com")
_NETWORKS = ("192.0.2.", "198.51.100.", "203.0.113.")
_AREAS = ("202", "303", "415", "617", "808")


def _copy(document: Document, identifier: str, text: str, url: str | None = None) -> Document:
    metadata = dict(document["metadata"])
    if url is not None:
        metadata["url"] = url
    return {**document, "id": identifier, "text": text, "metadata": metadata}


def exact_copies(rng: Random, documents: list[Document]) -> Injected:
    """Copies of whole documents; every second one keeps the URL of its original."""
    copies: Injected = []
    for number, original in enumerate(rng.sample(documents, EXACT_COPIES)):
        same_url = number % 2 == 0
        url = None if same_url else f"https://mirror.example.org/{original['id']}"
        identifier = f"injected/exact-{number:03d}"
        record = {"id": identifier, "kind": "exact", "of": original["id"], "same_url": same_url}
        copies.append((_copy(original, identifier, original["text"], url), record))
    return copies


def _edited(rng: Random, text: str, share: float) -> tuple[str, int]:
    """Drops, doubles, swaps or replaces a share of the words, leaving lines as they are."""
    words = text.split(" ")
    edits = max(1, round(share * len(words)))
    for _ in range(edits):
        at = rng.randrange(len(words) - 1)
        match rng.randrange(4):
            case 0:
                del words[at]
            case 1:
                words.insert(at, words[at])
            case 2:
                words[at], words[at + 1] = words[at + 1], words[at]
            case _:
                words[at] = rng.choice(words)
    return " ".join(words), edits


def near_copies(rng: Random, documents: list[Document]) -> Injected:
    """Copies with 1, 2 or 5 % of the words edited, each under a URL of its own."""
    long_enough = [document for document in documents if document["text"].count(" ") >= 120]
    copies: Injected = []
    for number, original in enumerate(rng.sample(long_enough, NEAR_COPIES)):
        share = NEAR_SHARES[number % len(NEAR_SHARES)]
        text, edits = _edited(rng, original["text"], share)
        identifier = f"injected/near-{number:03d}"
        url = f"https://mirror.example.net/{number:03d}/{original['id']}"
        record = {"id": identifier, "kind": "near", "of": original["id"]}
        record |= {"share": share, "edits": edits}
        copies.append((_copy(original, identifier, text, url), record))
    return copies


def _email(rng: Random) -> str:
    return f"{rng.choice(_NAMES)}@{rng.choice(_DOMAINS)}"


def _phone(rng: Random) -> str:
    area, line = rng.choice(_AREAS), f"555-01{rng.randrange(100):02d}"
    return rng.choice((f"({area}) {line}", f"{area}-{line}", f"{area}.{line.replace('-', '.')}"))


def _address(rng: Random) -> str:
    return f"{rng.choice(_NETWORKS)}{rng.randrange(1, 255)}"


_LINES = (
    ("Questions about this page go to {email} or, by telephone, to {phone} .", 1, 1, 0),
    ("Maintained by {email} (host {address} ).", 1, 0, 1),
    ("In an emergency call {phone} and ask for the operator on duty.", 0, 1, 0),
    ("The test server answers at {address} and its administrator at {email} .", 1, 0, 1),
    ("Last login: from {address} , session opened for {email} today.", 1, 0, 1),
)


def add_pii(rng: Random, documents: list[Document]) -> list[Record]:
    """Puts lines with PII-like strings between the lines of documents, changing them in place.

    Every fourth document gets eight lines, more than the five hits from which recipes drop a
    document instead of masking it; the others get one to three.
    """
    records: list[Record] = []
    for number, document in enumerate(rng.sample(documents, PII_DOCUMENTS)):
        lines = document["text"].split("\n")
        counts = {"emails": 0, "phones": 0, "addresses": 0}
        for _ in range(8 if number % 4 == 0 else rng.randint(1, 3)):
            pattern, emails, phones, addresses = rng.choice(_LINES)
            line = pattern.format(email=_email(rng), phone=_phone(rng), address=_address(rng))
            lines.insert(rng.randrange(1, len(lines) + 1), line)
            counts["emails"] += emails
            counts["phones"] += phones
            counts["addresses"] += addresses
        document["text"] = "\n".join(lines)
        records.append({"id": document["id"], "kind": "pii", **counts})
    return records


def _keys(rng: Random) -> str:
    keys = "asdfghjkl;'qwertyuiop zxcvbnm,./ 1234567890"
    return "\n".join("".join(rng.choices(keys, k=70)) for _ in range(12))


def _symbols(rng: Random) -> str:
    runs = (rng.choice("#*=-~…|_^%$&@!") * rng.randint(3, 40) for _ in range(80))
    return " ".join(runs)


def _same_line(rng: Random) -> str:
    line = rng.choice(("Click here to continue reading", "Page not found", "Loading, please wait"))
    return "\n".join([line] * rng.randint(30, 90))


def _ngrams(rng: Random) -> str:
    phrase = rng.choice(("buy the best cheap tickets with us now", "one two three four five six"))
    return " ".join([phrase] * rng.randint(40, 120))


def _script(rng: Random) -> str:
    rows = [
        '<div class="nav" onclick="toggle(\'menu\')">Menu</div>',
        "var tracker = tracker || []; tracker.push(['setPage', location.href]);",
        "function toggle(id) { document.getElementById(id).hidden ^= true; }",
        "Please enable Javascript in your browser to see this page.",
        '<noscript><img src="//stats.example.com/pixel.gif" alt=""></noscript>',
        "&nbsp;&laquo; Previous &middot; Next &raquo;&nbsp;",
    ]
    return "\n".join(rng.choice(rows) for _ in range(24))


_LOREM = ("lorem", "ipsum", "dolor", "sit", "amet", "elit", "sed", "do", "eiusmod", "tempor")


def _lorem(rng: Random) -> str:
    sentences = (" ".join(rng.choices(_LOREM, k=12)).capitalize() + "." for _ in range(18))
    return "Lorem ipsum dolor sit amet.\n" + "\n".join(sentences)


def _numbers(rng: Random) -> str:
    return "\n".join(" ".join(str(rng.randrange(10**6)) for _ in range(10)) for _ in range(30))


def _bullets(rng: Random) -> str:
    words = ("Home", "About", "Contact", "Login", "Cart", "Help", "Terms", "News")
    return "\n".join(f"- {rng.choice(words)}" for _ in range(60))


def _ellipses(rng: Random) -> str:
    starts = ("Read the whole story", "The ten best ways to", "You will not believe what")
    return "\n".join(f"{rng.choice(starts)} {rng.randrange(100)} …" for _ in range(40))


_JUNK: dict[str, tuple[int, Callable[[Random], str]]] = {
    "keyboard noise": (4, _keys),
    "symbol runs": (4, _symbols),
    "one line repeated": (5, _same_line),
    "repeated n-grams": (4, _ngrams),
    "markup and script": (5, _script),
    "lorem ipsum": (4, _lorem),
    "numbers": (3, _numbers),
    "bullet list": (3, _bullets),
    "teasers": (3, _ellipses),
    "very short": (3, lambda rng: rng.choice(("ok", "404", "see above"))),
    "white space": (1, lambda rng: " \n\t\n  "),
    "empty": (1, lambda rng: ""),
}


def junk(rng: Random, added: str) -> Injected:
    """Documents no training mix wants, one family for each rule that should catch them."""
    pages: Injected = []
    for name, (count, make) in _JUNK.items():
        for _ in range(count):
            identifier = f"injected/junk-{len(pages):03d}"
            document = {
                "id": identifier,
                "text": make(rng),
                "source": "junk",
                "added": added,
                "created": added,
                "metadata": {
                    "url": f"https://junk.example.com/{len(pages):03d}",
                    "license": "CC0-1.0",
                    "language": "und",
                },
            }
            pages.append((document, {"id": identifier, "kind": "junk", "what": name}))
    return pages
