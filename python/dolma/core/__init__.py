"""The import paths of the published package (dolma 1.2.1), for taggers written for it.

Nothing lives here: modules re-export what is elsewhere, or spell it as it was spelled.
"""

from ..document import DocResult, Document, Span
from ..taggers.base import BaseTagger
from ..taggers.registry import TaggerRegistry

__all__ = ["BaseTagger", "DocResult", "Document", "Span", "TaggerRegistry"]
