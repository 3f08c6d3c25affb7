"""Training with the package fastText, in one thread.

More threads race on the weights: the model would differ from run to run, and can end in numbers that
are not finite.
"""

from __future__ import annotations

from ..config.train import FastTextConfig
from ..errors import DolmaConfigError, DolmaError

__all__ = ["PACKAGE", "PREFIX", "check", "model_size", "train"]

#: The distribution whose module `fasttext` this is: maintained, with wheels for NumPy 2.
PACKAGE = "fasttext-community"
#: What marks a label in training files and models.
PREFIX = "__label__"


def check() -> None:
    """Raises `DolmaConfigError` naming the extra where fastText is not installed."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        version(PACKAGE)
    except PackageNotFoundError:
        raise DolmaConfigError(f"dolma train fasttext needs {PACKAGE}: pip install 'dolma[train]'") from None


def model_size(config: FastTextConfig) -> int:
    """Bytes of a model without the rows of its words, which are not known before."""
    hashed = config.word_ngrams > 1 or config.max_chars > 0
    return 4 * config.dimensions * (config.buckets if hashed else 0)


def train(texts: str, model: str, config: FastTextConfig, seed: int) -> None:
    """Trains on a file of lines `__label__<label> <text>` and writes the model.

    Raises `DolmaError` when the numbers do not stay finite.
    """
    import fasttext

    try:
        trained = fasttext.train_supervised(
            input=texts,
            dim=config.dimensions,
            epoch=config.epochs,
            lr=config.learning_rate,
            wordNgrams=config.word_ngrams,
            minCount=config.min_count,
            minn=config.min_chars,
            maxn=config.max_chars,
            bucket=config.buckets,
            loss=config.loss,
            label=PREFIX,
            thread=1,
            seed=seed,
            verbose=0,
        )
    except (RuntimeError, ValueError) as error:
        raise DolmaError(f"fastText cannot train on these texts: {error}") from error
    trained.save_model(model)
