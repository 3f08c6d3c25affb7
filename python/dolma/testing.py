"""For authors of taggers: try one on texts, and check what every tagger has to hold.

    from dolma import testing
    from questions import Questions

    def test_questions() -> None:
        assert testing.marked(Questions, "Why? Because.") == {"question": ["Why?"]}
        testing.check(Questions)

A tagger is named by its class or by its name; options are keyword arguments. Texts go the way that
documents in files go, so what the engine refuses (offsets outside of the text, scores that are not
finite) is refused here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from .errors import DolmaShardError
from .taggers.base import BaseTagger
from .taggers.declaration import AttributeType, Declaration
from .taggers.plan import plan
from .taggers.registry import TaggerRegistry, find
from .taggers.trial import Found, Trial

__all__ = ["HOSTILE", "Found", "check", "marked", "tag", "tag_all"]

#: Texts that taggers fall over: empty and endless, without words or without ends, of letters whose
#: lower case is longer, of combining and astral characters, of scripts without spaces, of controls.
HOSTILE: tuple[str, ...] = (
    "",
    " ",
    "\n\n\n",
    "\t\r\n \u00a0\u3000\n",
    "a",
    "no end",
    "#" * 500,
    "word " * 2000,
    "ab" * 3000,
    "a\n" * 1500,
    "." * 300 + "\n" + "?!" * 200,
    "\u0130stanbul \u0130\u0130\u0130\n" * 20,
    "STRASSE \u1e9e\ufb01\u01c5 straße\n" * 10,
    "e\u0301" * 300,
    "\u0301 only marks \u0301\u0302\u0303",
    "\U0001f600" * 400,
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 family \U0001f1e9\U0001f1ea flag",
    "日本語のテキスト。改行なし。" * 30,
    "ก็ไม่เป็นไร " * 40,
    "שלום עולם مرحبا بالعالم\n" * 12,
    "line one\r\nline two\r\n\r\nline four",
    "mail me: a.b@example.org, 206-555-0123, 10.0.0.1 {shit} lorem ipsum javascript",
    "<a href='https://example.org/?q=1#x'>link</a> &amp; \\u0041 {\"json\": [1, 2]}",
    "1" * 400 + " 3.14159 -0 1e400 ١٢٣",
    "\x00\x01\x7f\u2028\u2029\ufeff",
)

#: What stands in `metadata` unless the caller says otherwise.
METADATA: dict[str, Any] = {
    "url": "https://www.example.org/a/page?x=1#top",
    "html": '<html><a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC</a></html>',
}

Tagger = str | type[BaseTagger]


def tag(
    tagger: Tagger, text: str, *, metadata: dict[str, Any] | None = None, **options: Any
) -> dict[str, list[Found]]:
    """The spans of a text by type.

    Raises `DolmaConfigError` for a tagger that cannot be made, `DolmaShardError` when it fails.
    """
    return tag_all(tagger, [text], metadata=metadata, **options)[0]


def tag_all(
    tagger: Tagger, texts: Sequence[str], *, metadata: dict[str, Any] | None = None, **options: Any
) -> list[dict[str, list[Found]]]:
    """The spans by type of each text; all of them are one batch."""
    return _run(tagger, _documents(texts, metadata), options)


def marked(
    tagger: Tagger, text: str, *, metadata: dict[str, Any] | None = None, **options: Any
) -> dict[str, list[str]]:
    """The pieces of a text that are marked, by type."""
    found = tag(tagger, text, metadata=metadata, **options)
    return {kind: [text[span.start : span.end] for span in spans] for kind, spans in found.items()}


def check(
    tagger: Tagger, texts: Sequence[str] = (), *, metadata: dict[str, Any] | None = None, **options: Any
) -> None:
    """Checks on `HOSTILE` and on `texts` what every tagger has to hold.

    It fails on none of them; a second instance finds the same; each text alone comes to what it came
    to among the others, in whatever order; a built-in tagger finds what it declares and nothing else.
    Raises `AssertionError` with the first text that does not hold.
    """
    documents = _documents([*HOSTILE, *texts], metadata)
    try:
        found = _run(tagger, documents, options)
        backwards = _run(tagger, documents[::-1], options)[::-1]
    except DolmaShardError as error:
        raise AssertionError(str(error)) from error
    for document, first, second in zip(documents, found, backwards, strict=True):
        assert _exact(first) == _exact(second), (
            f"{_name(tagger)} finds {second} where it found {first} before, among other texts: {_start(document)}"
        )
    declared = find(tagger) if isinstance(tagger, str) else None
    if isinstance(declared, Declaration):
        for document, spans in zip(documents, found, strict=True):
            _check_declared(declared, document["text"], spans)


def _check_declared(declared: Declaration, text: str, found: dict[str, list[Found]]) -> None:
    for kind, spans in found.items():
        outputs = [output for output in declared.outputs if output.matches(kind)]
        assert outputs, f"{declared.name} does not declare {kind}, found in {text[:50]!r}"
        for span in spans:
            assert any(_fits(span, output, text) for output in outputs), (
                f"{declared.name}: {kind} is declared otherwise than {span} in {text[:50]!r}"
            )
    for output in declared.outputs:
        if output.always and text:
            assert any(map(output.matches, found)), f"{declared.name}: no {output.name} in {text[:50]!r}"


def _fits(span: Found, output: AttributeType, text: str) -> bool:
    whole = (span.start, span.end) == (0, len(text))
    return output.low <= span.score <= output.high and (output.unit != "document" or whole)


def _exact(found: dict[str, list[Found]]) -> list[tuple[str, list[Found]]]:
    """Spans with the order of their types, which is part of the result."""
    return list(found.items())


def _documents(texts: Sequence[str], metadata: dict[str, Any] | None) -> list[dict[str, Any]]:
    given = METADATA if metadata is None else metadata
    return [
        {"id": f"text-{number}", "text": text, "source": "testing", "metadata": given}
        for number, text in enumerate(texts)
    ]


def _start(document: dict[str, Any]) -> str:
    return f"{document['text'][:50]!r}"


def _name(tagger: Tagger) -> str:
    return tagger if isinstance(tagger, str) else tagger.__name__


def _run(
    tagger: Tagger, documents: list[dict[str, Any]], options: dict[str, Any]
) -> list[dict[str, list[Found]]]:
    with _named(tagger) as name:
        trial = Trial(plan([name], [], {name: options} if options else {}, "testing"))
        return [found[name] for found in trial.documents(documents)]


@contextmanager
def _named(tagger: Tagger) -> Iterator[str]:
    """The name of a tagger; a class that has none is registered for as long as the context lasts."""
    if isinstance(tagger, str):
        yield tagger
        return
    known = next((name for name, found in TaggerRegistry.items() if found is tagger), None)
    if known is not None:
        yield known
        return
    name = f"{tagger.__module__}.{tagger.__qualname__}"
    TaggerRegistry.add(name)(tagger)
    try:
        yield name
    finally:
        TaggerRegistry.remove(name)
