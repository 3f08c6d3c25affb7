"""A tagger as users write them: no kernel, plain Python, one span for each paragraph.

It scores every line of a document with its number of uppercase letters, and the document with
their share, so that both tools pay for calling Python and for the spans that come back.
"""

from dolma import BaseTagger, add_tagger
from dolma.core.data_types import DocResult, Document, Span


@add_tagger("bench_uppercase_v1")
class UppercaseTagger(BaseTagger):
    def predict(self, doc: Document) -> DocResult:
        spans = []
        start = total = 0
        for line in doc.text.splitlines(keepends=True):
            count = sum(map(str.isupper, line))
            end = start + len(line)
            spans.append(Span(start=start, end=end, type="paragraph", score=float(count)))
            start, total = end, total + count
        share = total / max(1, len(doc.text))
        spans.append(Span(start=0, end=len(doc.text), type="document", score=share))
        return DocResult(doc=doc, spans=spans)
