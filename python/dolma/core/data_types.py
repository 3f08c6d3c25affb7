"""The published path of `dolma.document`.

The rows that `BaseTagger.tag` sees were records of their own; now they are the documents.
"""

from ..document import DocResult, Document, DocumentWithMetadata, Span, TextSlice
from ..taggers.base import SpanLists as TaggerOutputDictType

__all__ = [
    "DocResult",
    "Document",
    "DocumentWithMetadata",
    "InputSpec",
    "InputSpecWithMetadata",
    "Span",
    "TaggerOutputDictType",
    "TaggerOutputType",
    "TaggerOutputValueType",
    "TextSlice",
]

InputSpec = Document
InputSpecWithMetadata = DocumentWithMetadata
TaggerOutputValueType = tuple[int, int, float]
TaggerOutputType = list[TaggerOutputValueType]
