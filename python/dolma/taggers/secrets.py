"""`code_secrets_v1`: secrets in source code, by the library `detect-secrets`.

It is the only importer of that library, whose scanner reads files: a text is given to it line by line,
under a name whose suffix no detector knows, with the detectors and filters that are its defaults.
"""

from __future__ import annotations

from collections.abc import Sequence

from detect_secrets.core.scan import _process_line_based_plugins
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import default_settings

from ..document import DocResult, Document, Span
from .base import BaseTagger

__all__ = ["Secrets"]

#: What the text is called; the published tagger's name, because filters look at it.
_FILE = "code_str.yml"


class Secrets(BaseTagger):
    """Spans of secrets, and how many there are by words."""

    def predict(self, doc: Document) -> DocResult:
        with default_settings():
            return self._scan(doc)

    def predict_batch(self, docs: Sequence[Document]) -> list[DocResult]:
        # The settings are read from a file of the library each time.
        with default_settings():
            return [self._scan(doc) for doc in docs]

    def _scan(self, doc: Document) -> DocResult:
        lines = doc.text.splitlines(keepends=True)
        found = SecretsCollection()
        bare = [(number, line.splitlines()[0]) for number, line in enumerate(lines, start=1)]
        for secret in _process_line_based_plugins(lines=bare, filename=_FILE):
            found[_FILE].add(secret)
        starts = [0]
        for line in lines:
            starts.append(starts[-1] + len(line))
        spans = []
        for _, secret in found:
            value = secret.secret_value or ""
            start = starts[secret.line_number - 1] + lines[secret.line_number - 1].find(value)
            kind = "SECRET_" + secret.type.replace(" ", "_")
            spans.append(Span(start, start + len(value), kind, 1.0))
        words = len(doc.text.split())
        spans.append(Span(0, len(doc.text), "doc", len(spans) / words if words else -1.0))
        return DocResult(doc, spans)
