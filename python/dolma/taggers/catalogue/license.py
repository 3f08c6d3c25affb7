"""Declarations of the taggers of licences and of wishes not to be used."""

from __future__ import annotations

from ..declaration import AttributeType, Kernel

__all__ = ["TAGGERS"]

_LINKS = """
Links to `creativecommons.org/licenses/…` in `metadata.html`, by an expression of the C4Corpus project
(Habernal et al. 2016). Each has a span over the document; the score is 1 for the page's first link, then
0.75, 0.667, …: a page that links to several licences says less of its own. A document without
`metadata.html` has no span (the published tagger fails). Of more than 1,000 different licences on a page
the rest is left out. Linear in the size of the page.
"""

_SCORE = "0.5 + 0.5 / n for the n-th link of the page"

TAGGERS = (
    Kernel(
        name="cc_re",
        family="license",
        cost="light",
        outputs=(AttributeType(name="cc_*", unit="document", meaning=_SCORE, low=0.5),),
        doc="Creative Commons licences that the page links to, with version and language.\n"
        + _LINKS
        + "\nA link is an attribute `href` or `content` of `<a>` or `<meta>`, the last one of its tag. Types: "
        "`cc_<licence>`,\n`cc_<licence>_<version>_<language>`, with `_` for what is no letter or digit: "
        "`cc_by_nc_4_0`. As published, the\nlanguage of `…/deed` is `de`.\n",
    ),
    Kernel(
        name="cc_re_fast",
        family="license",
        cost="light",
        outputs=(AttributeType(name="cc_*", unit="document", meaning=_SCORE, low=0.5),),
        doc="Creative Commons licences that the page links to.\n"
        + _LINKS
        + '\nA link is an address anywhere in the page, before `"`, `/`, `>` or a space. Types: `cc_by`, `cc_by_sa`, '
        "`cc_by_nd`,\n`cc_by_nc`, `cc_by_nc_sa`, `cc_by_nc_nd`, `cc_publicdomain`.\n",
    ),
    Kernel(
        name="license_optout_v1",
        family="license",
        cost="light",
        outputs=(
            AttributeType(
                name="{noai,noimageai,noml,noarchive,tdm_reservation,train_ai_n}",
                unit="document",
                meaning="the page says so",
                low=1,
            ),
            AttributeType(name="optout", unit="document", meaning="the page says any of these", low=1),
        ),
        doc="Wishes that the page not be used for machine learning, in its markup and its HTTP headers.\n\n"
        "Directives of robots: `noai`, `noimageai` (DeviantArt 2022), `noml` (Mojeek 2023), `noarchive` (keeps a "
        "page out\nof Microsoft's training, Bing 2023); `tdm_reservation` (TDMRep, W3C community group 2024: the value "
        "1);\n`train_ai_n` (IETF AIPREF: `Content-Usage: train-ai=n`). They are looked for in `<meta>` elements of "
        "`metadata.html`\n(`robots`, names that end in `bot`, `tdm-reservation`, `content-usage`), outside of comments "
        "and scripts, and in\nheaders that stand in the metadata under their names (`X-Robots-Tag`, …) or in "
        "`headers`, `http_headers`,\n`response_headers`. `robots.txt` and `ai.txt` are about sites and not in "
        "documents: use `url_blocklist_v1`.\n",
    ),
)
