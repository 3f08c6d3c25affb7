"""The published path of `dolma.document` and `dolma.lines`.

The rows that `BaseTagger.tag` sees were lines; now they are the documents.
"""

from ..document import DocResult, Document, DocumentWithMetadata, Span, TextSlice
from ..lines import InputSpec, InputSpecWithMetadata, InputSpecWithMetadataAndAttributes, OutputSpec
from ..taggers.base import SpanLists as TaggerOutputDictType

__all__ = [
    "DocResult",
    "Document",
    "DocumentWithMetadata",
    "InputSpec",
    "InputSpecWithMetadata",
    "InputSpecWithMetadataAndAttributes",
    "OutputSpec",
    "Span",
    "TaggerOutputDictType",
    "TaggerOutputType",
    "TaggerOutputValueType",
    "TextSlice",
]

TaggerOutputValueType = tuple[int, int, float]
TaggerOutputType = list[TaggerOutputValueType]
