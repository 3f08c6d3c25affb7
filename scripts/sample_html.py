"""Turns a manual's HTML page into plain text, cut into documents.

The navigation of a page (previous, next, home, page titles) stays in the text, because that is the
boilerplate which line rules and paragraph deduplication exist to remove. Scripts, styles and tables
of contents that only repeat the headings of other pages go. E-mail addresses of people become
addresses under example.org, so that the sample names nobody's mailbox.
"""

import re
from html.parser import HTMLParser

# Sections begin at these headings; the mark never survives into a document.
_HEADINGS = {"h1", "h2", "h3"}
_MARK = "\x00"

_BLOCKS = _HEADINGS | {
    *("address", "blockquote", "body", "br", "dd", "div", "dl", "dt", "footer", "h4", "h5", "h6"),
    *("header", "hr", "li", "nav", "ol", "p", "pre", "section", "table", "td", "th", "title"),
    *("tr", "ul"),
}
_SKIPPED = {"script", "style", "svg", "form"}

_EMAIL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._%+-]*@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
_ROLE = re.compile(r"(?i)@(lists\.|bugs\.|packages\.|tracker\.|example\.|.*\.example$)")

SHORTEST = 200
"""Fewer characters than this is a heading and its links, not a document."""

USUAL = 2000
"""Sections are joined until a document has this many characters."""

LONGEST = 16000
"""Longer documents are cut at a paragraph, so that no page dominates the sample."""


class _Text(HTMLParser):
    """Collects text: one line for each block, runs of white space as one space outside `pre`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._skipping = 0
        self._verbatim = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            self._skipping += 1
        if tag in _BLOCKS:
            self.pieces.append("\n")
        if tag in _HEADINGS:
            self.pieces.append(_MARK)
        if tag == "pre":
            self._verbatim += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCKS:
            self.pieces.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in _SKIPPED:
            self._skipping = max(0, self._skipping - 1)
        if tag in _BLOCKS:
            self.pieces.append("\n")
        if tag == "pre":
            self._verbatim = max(0, self._verbatim - 1)

    def handle_data(self, data: str) -> None:
        if self._skipping:
            return
        self.pieces.append(data if self._verbatim else re.sub(r"\s+", " ", data))


def _masked(text: str) -> str:
    """Replaces the addresses of people; mailing lists and other role addresses stay."""

    def address(match: re.Match[str]) -> str:
        found = match.group()
        return found if _ROLE.search(found) else "someone@example.org"

    return _EMAIL.sub(address, text)


def plain_text(page: str) -> str:
    """The text of an HTML page, one line for each block, sections still marked."""
    parser = _Text()
    parser.feed(page)
    parser.close()
    lines = (line.rstrip() for line in "".join(parser.pieces).split("\n"))
    kept = (line if line.startswith("  ") else line.strip() for line in lines)
    return _masked("\n".join(line for line in kept if line.strip(_MARK + " \t")))


def _cut(text: str) -> list[str]:
    """Cuts a long text at line ends into pieces of at most `LONGEST` characters, if it can."""
    pieces: list[str] = []
    while len(text) > LONGEST:
        end = text.rfind("\n", USUAL, LONGEST)
        if end < 0:
            break
        pieces.append(text[:end])
        text = text[end + 1 :]
    return [*pieces, text]


def documents(page: str) -> list[str]:
    """The documents of one HTML page, in order."""
    joined: list[str] = []
    for section in plain_text(page).split(_MARK):
        if joined and len(joined[-1]) < USUAL:
            joined[-1] += section
        else:
            joined.append(section)
    texts = (piece.strip("\n") for text in joined for piece in _cut(text))
    return [text for text in texts if len(text) >= SHORTEST]
