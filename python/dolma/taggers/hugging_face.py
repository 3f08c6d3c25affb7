"""Sequence classifiers of Hugging Face and their tokenizers, from a folder or the cache of the Hub.

What is not all there is refused: the library itself would take random numbers for weights that a
checkpoint lacks, and a tokenizer without words where its files are missing. Code that comes with a
model is not run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..assets.policy import FETCH_VARIABLE, current
from ..errors import DolmaAssetError, DolmaConfigError
from ..messages import message_of

__all__ = ["DTYPES", "load", "pinned"]

#: The numbers that a model may compute with.
DTYPES = ("float32", "bfloat16", "float16")


def pinned(options: dict[str, Any]) -> dict[str, Any]:
    """The options with the commit that `model` and `revision` stand for, where that is a name on the Hub.

    So a run takes the same weights in all its processes, and a later one knows whether they changed.
    Raises `DolmaAssetError` when the cache does not have it, and it may or can not be downloaded.
    """
    model = options["model"]
    if not isinstance(model, str):
        raise DolmaConfigError(f"model is a folder or a name on the Hub, not {model!r}")
    if os.path.isdir(model):
        if not os.path.isfile(os.path.join(model, "config.json")):
            raise DolmaAssetError(f"the folder {model} has no config.json: it is not one of a model")
        return options
    from huggingface_hub import hf_hub_download

    fetch, revision = current().fetch, options.get("revision")
    try:
        with _offline():
            config = hf_hub_download(model, "config.json", revision=revision, local_files_only=not fetch)
    except Exception as error:
        how = f"cannot be downloaded: {message_of(error)}" if fetch else f"{FETCH_VARIABLE}=1 downloads it"
        raise DolmaAssetError(
            f"the model {model} is neither a folder nor in the cache of Hugging Face; {how}"
        ) from error
    return {**options, "revision": os.path.basename(os.path.dirname(config))}


def load(model: str, revision: str | None, dtype: str) -> tuple[Any, Any]:
    """The tokenizer and the classifier, ready to be asked.

    Raises `DolmaAssetError` when they cannot be loaded or parts of them are missing.
    """
    import torch
    import transformers

    options = {"revision": revision, "local_files_only": not current().fetch, "trust_remote_code": False}
    # The name of the option since 5.0; by default that version takes the type of the file.
    name = "dtype" if int(transformers.__version__.partition(".")[0]) >= 5 else "torch_dtype"
    try:
        with _offline(), _quiet():
            tokenizer = transformers.AutoTokenizer.from_pretrained(model, **options)
            classifier, account = transformers.AutoModelForSequenceClassification.from_pretrained(
                model, output_loading_info=True, **{name: getattr(torch, dtype)}, **options
            )
    except Exception as error:
        raise DolmaAssetError(f"the model {model} cannot be loaded: {message_of(error)}") from error
    if lost := sorted(account["missing_keys"]):
        raise DolmaAssetError(
            f"the model {model} is no sequence classifier, or not a whole one: it lacks {len(lost)} weights, "
            f"such as {lost[0]}"
        )
    entries, expected = len(tokenizer), getattr(classifier.config, "vocab_size", None) or 0
    if 2 * entries < expected:
        raise DolmaAssetError(
            f"the model {model} knows {expected:,} tokens and its tokenizer {entries:,}: are the tokenizer's "
            "files there?"
        )
    if classifier.config.pad_token_id is None:
        classifier.config.pad_token_id = tokenizer.pad_token_id
    return tokenizer, classifier.eval()


@contextmanager
def _offline() -> Iterator[None]:
    """Keeps the library off the network where nothing may be downloaded: it asks for more than models."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not current().fetch
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps advice of the library to itself, since what is wrong is raised, and bars where nothing is downloaded."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    if not current().fetch:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
