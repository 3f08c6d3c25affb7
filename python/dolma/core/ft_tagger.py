"""The published path of `dolma.taggers.fasttext`."""

from ..taggers.fasttext import BaseFastTextTagger, Prediction

__all__ = ["BaseFastTextTagger", "Prediction"]
