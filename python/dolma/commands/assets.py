"""`dolma assets`: the models and word lists that taggers use, and where they are."""

from __future__ import annotations

from .. import assets
from ..config import AssetsConfig
from ..errors import DolmaAssetError

__all__ = ["run"]


def run(config: AssetsConfig) -> None:
    """Fetches what is named, then prints every asset with its place."""
    for name in config.fetch:
        print(f"{name}: {assets.fetch(name)}")
    if config.fetch:
        return
    for asset in assets.ASSETS.values():
        try:
            place = assets.find(asset) or f"not here (dolma assets --fetch {asset.name})"
        except DolmaAssetError as error:
            place = f"damaged: {error}"
        print(f"{asset.name}\n  {asset.doc}\n  licence {asset.license}; {place}")
