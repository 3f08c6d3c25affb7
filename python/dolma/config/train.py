"""Options of `dolma train`."""

from typing import Annotated, Literal

from msgspec import Meta

from .common import POSITIONAL, Config

__all__ = ["FastTextConfig", "TrainConfig"]


class FastTextConfig(Config, frozen=True, kw_only=True):
    """How a fastText classifier learns; the names are fastText's, in words."""

    dimensions: Annotated[int, Meta(ge=1, description="Length of the vectors.")] = 64
    epochs: Annotated[int, Meta(ge=1, description="Times that every text is read.")] = 5
    learning_rate: Annotated[float, Meta(gt=0, description="Step at the start; it falls to 0.")] = 0.1
    word_ngrams: Annotated[int, Meta(ge=1, description="Longest sequence of words that is a feature.")] = 2
    min_count: Annotated[int, Meta(ge=1, description="Words that occur less often are left out.")] = 1
    min_chars: Annotated[int, Meta(ge=0, description="Shortest piece of a word that is a feature.")] = 0
    max_chars: Annotated[int, Meta(ge=0, description="Longest piece of a word; 0 for whole words only.")] = 0
    buckets: Annotated[
        int, Meta(ge=1, description="Rows for n-grams; the model has 4 bytes for each row and dimension.")
    ] = 500_000
    loss: Annotated[
        Literal["softmax", "ova", "hs", "ns"],
        Meta(description="softmax; ova where labels do not exclude each other; hs, ns for very many."),
    ] = "softmax"


class TrainConfig(Config, frozen=True, kw_only=True):
    """Train a classifier on documents of your own, and register it as an asset."""

    method: Annotated[Literal["fasttext"], Meta(description="What is trained.", extra=POSITIONAL)]
    name: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
            description="What the model is called: name of its files and of the asset.",
        ),
    ]
    positive: Annotated[
        list[str], Meta(description="Documents of the label `positive`: paths or globs.")
    ] = []
    negative: Annotated[
        list[str], Meta(description="Documents of the label `negative`: paths or globs.")
    ] = []
    classes: Annotated[
        dict[str, list[str]],
        Meta(description="Documents of each label, where labels have other names (recipe file only)."),
    ] = {}
    destination: Annotated[str, Meta(description="Local folder for the model and its card.")] = "models"
    register_asset: Annotated[
        bool, Meta(description="Put a copy into the cache, so that taggers find the model by its name.")
    ] = True
    seed: Annotated[int, Meta(ge=0, le=2**31 - 1, description="Seed of sampling and of training.")] = 0
    sample: Annotated[float, Meta(gt=0, le=1, description="Share of the documents that is used.")] = 1.0
    limit: Annotated[
        Annotated[int, Meta(ge=1)] | None,
        Meta(description="Most documents of a label; a sample is taken where there are more."),
    ] = None
    held_out: Annotated[
        float, Meta(gt=0, lt=1, description="Share of the texts that is kept for the report.")
    ] = 0.1
    lowercase: Annotated[bool, Meta(description="Lower the case.")] = False
    strip_accents: Annotated[bool, Meta(description="Decompose (NFKD) and leave out marks.")] = False
    zero_digits: Annotated[bool, Meta(description="Read every digit as 0.")] = False
    split_punctuation: Annotated[bool, Meta(description="Read punctuation and symbols as words.")] = False
    fasttext: FastTextConfig = FastTextConfig()
    dryrun: Annotated[bool, Meta(description="Print the effective recipe and the plan, then stop.")] = False
