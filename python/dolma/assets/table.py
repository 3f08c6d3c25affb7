"""The table of assets: every model and word list that a built-in tagger names.

One entry for each file: where it is published, what its content is, under which licence, how large.
Where no checksum was published or could be taken, `sha256` is empty and the first download decides:
it is written into the lock file (see `pins`).
"""

from __future__ import annotations

import msgspec

from .lists import LISTS

__all__ = ["ASSETS", "Asset"]


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """A file that taggers need."""

    name: str
    #: Where it is published; empty for files that only come in packages.
    url: str
    #: Of the published file, in hexadecimal; empty where the first download pins it.
    sha256: str
    license: str
    #: One or two sentences: what it is, and where it is from.
    doc: str
    #: Bytes, as far as known; 0 otherwise.
    size: int = 0
    #: Path below the data folder of this package, for assets that come with it.
    bundled: str = ""
    #: `package:path` of installed packages that carry the file; they are not imported.
    packages: tuple[str, ...] = ()


_DOLMA = "https://dolma-artifacts.org/fasttext_models"
_ULTRA_FINEWEB = "https://huggingface.co/openbmb/Ultra-FineWeb-classifier/resolve/main"

_TABLE = [
    Asset(
        name="lid.176.ftz",
        url="https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.ftz",
        sha256="8f3472cfe8738a7b6099e8e999c3cbfae0dcd15696aac7d7738a8039db603e83",
        license="CC BY-SA 3.0",
        doc="Language identification, 176 languages, compressed; comes with dolma.",
        size=938_013,
        bundled="lid.176.ftz",
    ),
    Asset(
        name="lid.176.bin",
        url="https://dl.fbaipublicfiles.com/fasttext/supervised-models/lid.176.bin",
        sha256="7e69ec5451bc261cc7844e49e4792a85d7f09c06789ec800fc4a44aec362764e",
        license="CC BY-SA 3.0",
        doc="Language identification, 176 languages, full precision.",
        size=131_266_198,
    ),
    Asset(
        name="naughty_words_en.txt",
        url="",
        sha256="",
        license="CC BY 4.0",
        doc="The English list of dirty, naughty, obscene and otherwise bad words (LDNOOBW).",
        size=3_777,
        bundled="naughty_words_en.txt",
    ),
    Asset(
        name="gpt-neox-20b.json",
        url="https://huggingface.co/EleutherAI/gpt-neox-20b/resolve/main/tokenizer.json",
        sha256="",
        license="Apache 2.0",
        doc="The tokenizer of GPT-NeoX-20B.",
    ),
    Asset(
        name="eleuther-ai-gpt-neox-20b-pii-special.json",
        url="https://huggingface.co/allenai/eleuther-ai-gpt-neox-20b-pii-special/resolve/main/tokenizer.json",
        sha256="",
        license="Apache 2.0",
        doc="The tokenizer of the first OLMo: GPT-NeoX-20B's, and tokens for masked personal data.",
    ),
    Asset(
        name="gpt-neox-olmo-dolma-v1_5.json",
        url="https://huggingface.co/allenai/gpt-neox-olmo-dolma-v1_5/resolve/main/tokenizer.json",
        sha256="",
        license="Apache 2.0",
        doc="The tokenizer of OLMo on Dolma 1.5 to 1.7.",
    ),
    Asset(
        name="dolma2-tokenizer.json",
        url="https://huggingface.co/allenai/dolma2-tokenizer/resolve/main/tokenizer.json",
        sha256="",
        license="see its page",
        doc="The tokenizer of OLMo 2.",
    ),
    Asset(
        name="glotlid_v3.bin",
        url="https://huggingface.co/cis-lmu/glotlid/resolve/main/model_v3.bin",
        sha256="",
        license="Apache 2.0",
        doc="GlotLID (Kargaran et al. 2023): language identification, over 2000 labels with scripts.",
    ),
    Asset(
        name="jigsaw_fasttext_bigrams_hatespeech_final.bin",
        url=f"{_DOLMA}/jigsaw_fasttext_bigrams_20230515/jigsaw_fasttext_bigrams_hatespeech_final.bin",
        sha256="",
        license="",
        doc="Toxic speech, by the Dolma authors, trained on the Jigsaw toxic comments.",
    ),
    Asset(
        name="jigsaw_fasttext_bigrams_nsfw_final.bin",
        url=f"{_DOLMA}/jigsaw_fasttext_bigrams_20230515/jigsaw_fasttext_bigrams_nsfw_final.bin",
        sha256="",
        license="",
        doc="Obscene speech, by the Dolma authors, trained on the Jigsaw toxic comments.",
    ),
    Asset(
        name="cc_wiki_wikiref_sw_pes2o_adult_fakenews_math_books_openhermes.bin",
        url=f"{_DOLMA}/dolma-1_7/cc_wiki_wikiref_sw_pes2o_adult_fakenews_math_books_openhermes.bin",
        sha256="",
        license="",
        doc="Kinds of text, the quality classifier of Dolma 1.7.",
    ),
    Asset(
        name="openhermes_reddit_eli5_vs_rw_v2_bigram_200k_train.bin",
        url="https://huggingface.co/mlfoundations/fasttext-oh-eli5/resolve/main/"
        "openhermes_reddit_eli5_vs_rw_v2_bigram_200k_train.bin",
        sha256="",
        license="MIT",
        doc="The quality classifier of DCLM-Baseline (Li et al. 2024).",
    ),
    Asset(
        name="ultra_fineweb_en.bin",
        url=f"{_ULTRA_FINEWEB}/classifiers/ultra_fineweb_en.bin",
        sha256="",
        license="Apache 2.0",
        doc="The quality classifier of Ultra-FineWeb for English (Wang et al. 2025).",
    ),
    Asset(
        name="ultra_fineweb_zh.bin",
        url=f"{_ULTRA_FINEWEB}/classifiers/ultra_fineweb_zh.bin",
        sha256="",
        license="Apache 2.0",
        doc="The quality classifier of Ultra-FineWeb for Chinese (Wang et al. 2025).",
    ),
    Asset(
        name="deepseek-v2-tokenizer.json",
        url="https://huggingface.co/deepseek-ai/DeepSeek-V2/resolve/main/tokenizer.json",
        sha256="",
        license="DeepSeek Model License",
        doc="The tokenizer whose tokens are the words of Ultra-FineWeb's classifiers.",
    ),
    *(
        Asset(
            name=f"url_{kind}",
            url=f"https://raw.githubusercontent.com/huggingface/datatrove/main/src/datatrove/assets/{kind}.txt",
            sha256=sha256,
            license="Apache-2.0",
            doc=f"{doc}; comes with the package datatrove.",
            size=size,
            packages=(f"datatrove:assets/{kind}.txt",),
        )
        for kind, size, sha256, doc in (
            (
                "banned_words",
                1_732,
                "7aae5109ccc4d8357167168fa3a91331fa2fafd8eb8cc9c38cc9147c2610fab0",
                "Words in addresses that tell adult content",
            ),
            (
                "banned_subwords",
                1_673,
                "4770445cd8d2b16495efde88bc4efc3a520bdc0f3137d14d85cd3d89b194a232",
                "Parts of words in addresses that tell adult content",
            ),
            (
                "soft_banned_words",
                674,
                "e5043030accca33b0e368a693997576beea4c58279da641bff40b4e02281b063",
                "Words in addresses two of which tell adult content",
            ),
        )
    ),
    Asset(
        name="code-comment-prose-model.bin",
        url="https://huggingface.co/techarb/code-prose-composition/resolve/main/code-comment-prose-model.bin",
        sha256="",
        license="see the model's page",
        doc="A fastText model that tells lines of code from comments and prose (techarb/code-prose-composition).",
    ),
    *(Asset(name=name, url=url, sha256="", license=license, doc=doc) for name, url, license, doc in LISTS),
]

#: Every asset by name.
ASSETS = {asset.name: asset for asset in _TABLE}
