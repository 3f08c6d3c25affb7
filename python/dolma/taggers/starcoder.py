"""`code_starcoder_taggers_v1`, `_v2`: StarCoder's rules that need a parser of the language.

The only importer of `pygments` and `beautifulsoup4`. Comments of Python are what its own tokenizer and
parser find, docstrings included; those of other languages what `pygments` takes for comments.
"""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import bs4
import msgspec
import pygments
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment
from pygments.util import ClassNotFound

from ..document import DocResult, DocumentWithMetadata, Span
from .base import BaseTaggerWithMetadata

__all__ = ["StarCoderTaggers", "StarCoderTaggersV2"]

#: So many characters may hold the declaration of XML, and more than so many make a page.
_TOP = 100

#: Languages whose comments the second version looks at, and what it says of others: between the bounds
#: that StarCoder has.
_COMMENTED = ("python", "java", "javascript")
_NEUTRAL = 0.5

_FAILED = -1.0

#: What has docstrings.
_DOCUMENTED = (ast.ClassDef, ast.FunctionDef, ast.Module)

#: What Python's parser and tokenizer raise for what is not Python.
_NOT_PYTHON = (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError)


@cache
def _languages() -> dict[str, str]:
    """Languages by extension, as The Stack names them."""
    data = (Path(__file__).parent.parent / "data" / "languages.json").read_bytes()
    table = msgspec.json.decode(data, type=dict[str, list[str]])
    return {extension: language for language, extensions in table.items() for extension in extensions}


class StarCoderTaggers(BaseTaggerWithMetadata):
    """Comments of every language, and visible text of pages; -1 where they cannot be found."""

    def predict(self, doc: DocumentWithMetadata) -> DocResult:  # type: ignore[override]
        language = _language(doc)
        comments, visible = _FAILED, _FAILED
        if language is not None and doc.text:
            try:
                comments = _comments(doc.text, language)
                visible = _visible(doc.text) if language == "html" else 1.0
            except (ClassNotFound, RecursionError, ValueError, AssertionError):
                comments, visible = _FAILED, _FAILED
        return _result(doc, "nl_ratio_doc", comments, visible)


class StarCoderTaggersV2(BaseTaggerWithMetadata):
    """Comments of three languages, and visible text of pages."""

    def predict(self, doc: DocumentWithMetadata) -> DocResult:  # type: ignore[override]
        language = _language(doc)
        comments, visible = _NEUTRAL, 1.0
        if language in _COMMENTED:
            comments = _comments(doc.text, str(language)) if doc.text else 0.0
        if language == "html":
            try:
                visible = _visible(doc.text) if doc.text else _FAILED
            except (RecursionError, ValueError, AssertionError):
                visible = _FAILED
        return _result(doc, "code_to_comment_ratio_doc", comments, visible)


def _language(doc: DocumentWithMetadata) -> str | None:
    extension = doc.metadata.get("ext")
    return _languages().get(extension) if isinstance(extension, str) else None


def _result(doc: DocumentWithMetadata, kind: str, comments: float, visible: float) -> DocResult:
    scores = {
        "has_xml_template_doc": float("<?xml version=" in doc.text[:_TOP]),
        "num_github_stars_doc": _stars(doc.metadata.get("max_stars_count")),
        kind: comments,
        "code_to_text_ratio_html_doc": visible,
    }
    return DocResult(doc, [Span(0, len(doc.text), name, score) for name, score in scores.items()])


def _stars(value: Any) -> float:
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return 0.0


def _comments(text: str, language: str) -> float:
    if language == "python":
        length = len(f"{_docstrings(text)}\n{_python_comments(text)}".strip())
    else:
        kinds = (Comment.Multiline, Comment.Single)
        pieces = pygments.lex(text, get_lexer_by_name(language))
        length = sum(len(piece) for kind, piece in pieces if kind in kinds)
    return length / len(text)


def _docstrings(text: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
        # By kind and name, as published: white space at the end of the last one does not count.
        found = [
            (_DOCUMENTED.index(type(node)), getattr(node, "name", ""), ast.get_docstring(node))
            for node in ast.walk(tree)
            if isinstance(node, _DOCUMENTED)
        ]
    except _NOT_PYTHON:
        return ""
    found.sort(key=lambda item: item[:2])
    return "\n".join(docstring for *_, docstring in found if docstring)


def _python_comments(text: str) -> str:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except _NOT_PYTHON:
        return ""
    comments = "".join(token.string for token in tokens if token.type == tokenize.COMMENT)
    return comments.replace("#", "")


def _visible(html: str) -> float:
    """The share of a page that is text, 0 for a short one."""
    with warnings.catch_warnings():
        # Of documents that look like XML, a path or an address: they are read as pages whatever they look like.
        warnings.simplefilter("ignore")
        page = bs4.BeautifulSoup(html, features="html.parser")
    for element in page(["script", "style"]):
        element.extract()
    length = len(page.get_text())
    return length / len(html) if length > _TOP else 0.0
