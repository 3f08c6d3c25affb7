"""The Debian packages behind the bundled sample, pinned by version and sha256.

Each one's `/usr/share/doc/<name>/copyright` was read before it entered this table: all allow
redistribution and modification, under the licence named here. Its text is kept, as it came, in
`data/sample/copyright/`. When the archive no longer serves a version, snapshot.debian.org does.
"""

from dataclasses import dataclass
from pathlib import Path

_MANUALS = "https://www.debian.org/doc/manuals"
_FAQ_LICENSE = "LicenseRef-Debian-FAQ"


@dataclass(frozen=True, kw_only=True)
class Package:
    """One binary package: what is taken from it, and where its manual is published."""

    name: str
    version: str
    sha256: str
    language: str
    pages: str
    home: str
    license: str = "GPL-2.0-or-later"
    skip: tuple[str, ...] = ()
    most: int = 1000

    @property
    def file(self) -> str:
        return f"{self.name}_{self.version}_all.deb"

    def url(self, page: Path) -> str:
        """Where a page is published: www.debian.org names its language, packages need not."""
        marked = page.suffixes[0] != ".html" or not self.home.startswith(_MANUALS)
        name = page.name if marked else f"{page.stem}.{self.language}.html"
        return f"{self.home}/{name}"


PACKAGES = (
    Package(
        name="debian-faq",
        version="11.1",
        sha256="427426e0cfa6888622fc1d72631071cb4b5a1f86ccde722e7820bcef284de5d0",
        language="en",
        pages="usr/share/doc/debian/FAQ/*.en.html",
        home=f"{_MANUALS}/debian-faq",
        license=_FAQ_LICENSE,
    ),
    Package(
        name="harden-doc",
        version="3.19+nmu1",
        sha256="77ffacb6f8af4afbdf39f3de6040a710ae6ffcc40e2fab5b5d312dfb11d28d94",
        language="en",
        pages="usr/share/doc/harden-doc/html/en-US/*.html",
        home=f"{_MANUALS}/securing-debian-manual",
        skip=("changelog_history", "index"),
    ),
    Package(
        name="developers-reference",
        version="12.18",
        sha256="0dba82f6fa16e373f2a84ad07e7971aa9264ad2e7d2ae46b37edbc9c5fd57e2e",
        language="en",
        pages="usr/share/developers-reference/*.html",
        home=f"{_MANUALS}/developers-reference",
        skip=("developers-reference", "index", "search"),
    ),
    Package(
        name="maint-guide",
        version="1.2.53",
        sha256="762c8a400a36668d2eb814a3ba356b06488fd889dfce478eb11d5cfb189a47b5",
        language="en",
        pages="usr/share/doc/maint-guide/html/*.html",
        home=f"{_MANUALS}/maint-guide",
    ),
    Package(
        name="debian-kernel-handbook",
        version="1.0.21",
        sha256="98a810b308bf2be87dc4191161c3d9f889dd6142f712df32dfb02b3c34594b48",
        language="en",
        pages="usr/share/doc/debian-kernel-handbook/kernel-handbook.html/*.html",
        home="https://kernel-team.pages.debian.net/kernel-handbook",
    ),
    Package(
        name="debian-history",
        version="2.28",
        sha256="ae364cdfd075bf6a08ca8f5105b44db7093e3b201c95d3b70a863b8849c6a082",
        language="en",
        pages="usr/share/doc/debian-history/docs/*.en.html",
        home=f"{_MANUALS}/project-history",
        skip=("index", "leaders", "manifesto"),
    ),
    Package(
        name="developers-reference-de",
        version="12.18",
        sha256="281f0c2b24139e0ac83117c3e95b60458a6644fe14c82cf9ea78e87ea8c175d7",
        language="de",
        pages="usr/share/developers-reference/de/*.html",
        home=f"{_MANUALS}/developers-reference",
        skip=("developers-reference", "index", "search"),
        most=60,
    ),
    Package(
        name="aptitude-doc-fr",
        version="0.8.13-5",
        sha256="a6cf16d609a3872f32ec6c3b93f60f0bbb353e80f25a2b2b11ef3844db6787d2",
        language="fr",
        pages="usr/share/doc/aptitude/html/fr/*.html",
        home=f"{_MANUALS}/aptitude",
        most=60,
    ),
    Package(
        name="maint-guide-es",
        version="1.2.53",
        sha256="5a76b5e43285173ce4cce9284fb47b9a1851a68a9c0c0b8300c338d8890a42b6",
        language="es",
        pages="usr/share/doc/maint-guide-es/html/*.html",
        home=f"{_MANUALS}/maint-guide",
    ),
    Package(
        name="debian-faq-ru",
        version="11.1",
        sha256="aaaae7a409c5cf5f5b8c26991f6ef484297e0cd2dee74c8d675cfa6613bce541",
        language="ru",
        pages="usr/share/doc/debian/FAQ/ru/*.html",
        home=f"{_MANUALS}/debian-faq",
        license=_FAQ_LICENSE,
        most=40,
    ),
    Package(
        name="debian-faq-zh-cn",
        version="11.1",
        sha256="3545356b1aa04d87e91dd15e8406210cf5b4f476662e597897bcb42234591758",
        language="zh",
        pages="usr/share/doc/debian/FAQ/zh-cn/*.html",
        home=f"{_MANUALS}/debian-faq",
        license=_FAQ_LICENSE,
    ),
    Package(
        name="debian-reference-ja",
        version="2.100",
        sha256="f67140e0b994409413bd5fcc8dfcce832445c99d724401f0275fa238daf30325",
        language="ja",
        pages="usr/share/debian-reference/*.ja.html",
        home=f"{_MANUALS}/debian-reference",
        skip=("index",),
        most=60,
    ),
)
