"""The published path of `dolma.splitting` and of some functions around taggers."""

from ..paths import make_variable_name
from ..splitting import split_paragraphs, split_sentences, split_words
from ..taggers.registry import import_modules

__all__ = ["import_modules", "make_variable_name", "split_paragraphs", "split_sentences", "split_words"]
