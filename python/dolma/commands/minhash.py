"""What `dedupe.minhash` asks for: its numbers, its tokenizer, and what a run says of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.util import find_spec

import msgspec

from ..config.dedupe import MinhashConfig
from ..errors import DolmaConfigError
from ..progress import format_bytes

__all__ = ["MinhashPlan", "describe", "encoder", "plan"]


class MinhashPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The section `dedupe.minhash` with its numbers."""

    key: str
    normalize: list[str]
    shingles: str
    #: The content of the tokenizer's file.
    tokenizer: str | None
    ngram: int
    bands: int
    rows: int
    threshold: float
    verify: str
    short: str
    seed: int


def plan(config: MinhashConfig) -> MinhashPlan:
    """The plan of a section; the tokenizer's file is looked for.

    Raises `DolmaConfigError` for options that cannot be meant, `DolmaAssetError` for a tokenizer that
    cannot be had.
    """
    from .. import _core

    _check(config)
    path = _tokenizer(config)
    own = {name: getattr(config, name) for name in ("key", "shingles", "verify", "short", "seed")}
    return MinhashPlan(
        **config.numbers()._asdict(),
        **own,
        # The steps run in one order, however they are listed.
        normalize=sorted(set(config.normalize)),
        tokenizer=_core.hash_file(path) if path is not None else None,
    )


def _check(config: MinhashConfig) -> None:
    if config.shingles == "tokens" and config.tokenizer is None:
        raise DolmaConfigError(
            "dedupe.minhash.tokenizer: shingles of tokens need one: a path, a URL or the name of an asset"
        )
    if config.shingles != "tokens" and config.tokenizer is not None:
        raise DolmaConfigError(
            f"dedupe.minhash.tokenizer: {config.shingles} need none; say shingles: tokens, or leave it out"
        )
    for step in ("case", "white_space"):
        if step in config.normalize and config.shingles != "tokens" and config.short == "skip":
            raise DolmaConfigError(
                f"dedupe.minhash.normalize: {step} does not count in {config.shingles} anyway, and texts without a "
                "shingle are left out (short: skip); leave out the step"
            )


def _tokenizer(config: MinhashConfig) -> str | None:
    """The file of the tokenizer."""
    if config.tokenizer is None:
        return None
    if find_spec("tokenizers") is None:
        raise DolmaConfigError(
            "dedupe.minhash.shingles: tokens need the package tokenizers: pip install 'dolma[tokenizers]'"
        )
    from .. import assets

    return assets.resolve(config.tokenizer)


def encoder(config: MinhashConfig | None) -> Callable[[str], list[int]] | None:
    """What gives the ids of a text's tokens; None where shingles are made of something else.

    Raises `DolmaConfigError` for a file that is no tokenizer.
    """
    from .. import _core

    path = _tokenizer(config) if config is not None else None
    return _encoder(path, _core.hash_file(path)) if path is not None else None


@functools.lru_cache(maxsize=1)
def _encoder(path: str, content: str) -> Callable[[str], list[int]]:
    """The encoder of a file with this content: checks and runs share it."""
    from ..taggers import tokenizers

    try:
        return tokenizers.encoder(path)
    except ValueError as error:
        raise DolmaConfigError(f"dedupe.minhash.tokenizer: {error}") from error


def describe(plan: MinhashPlan) -> str:
    """What is compared, how often similar pairs are found, and how exactly they are verified."""
    from .. import _core

    curve = ", ".join(
        f"{_core.Clusters.probability(plan.bands, plan.rows, similarity):.3f} at {similarity:.2f}"
        for similarity in sorted({0.5, 0.6, 0.7, 0.8, 0.9, plan.threshold})
    )
    verified = "a Jaccard similarity"
    if plan.verify == "signature":
        error, size = _core.Clusters.estimate(plan.threshold)
        how = f"standard error {error:.3f}, from {format_bytes(size)} for each document"
        verified = f"an estimated Jaccard similarity ({how})"
    return (
        f"MinHash of {plan.ngram} {plan.shingles}, {plan.bands} bands of {plan.rows} rows, joined from {verified} "
        f"of {plan.threshold:g} on; a pair is found with probability {curve}"
    )
