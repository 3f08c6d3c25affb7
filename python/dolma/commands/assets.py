"""`dolma assets`: the models and word lists that taggers use, and where they are."""

from __future__ import annotations

from collections.abc import Iterator

from .. import assets
from ..assets import Asset
from ..config.assets import AssetsConfig
from ..errors import DolmaAssetError, DolmaConfigError
from ..progress import format_bytes

__all__ = ["run"]


def run(config: AssetsConfig) -> None:
    """Lists, fetches, verifies or finds assets.

    Raises `DolmaAssetError` for what cannot be had, or is damaged.
    """
    with assets.policy(lock=config.assets_lock):
        if config.fetch:
            if config.action != "list" or config.names:
                raise DolmaConfigError("dolma assets: give either --fetch or an action")
            _fetch(config.fetch, config.repin)
        elif config.action == "fetch":
            _fetch(_needed(config), config.repin)
        elif config.action == "path":
            for name in _needed(config):
                print(assets.resolve(name))
        elif config.action == "verify":
            _verify(config.names)
        else:
            for asset in _chosen(config.names):
                print(_describe(asset))


def _needed(config: AssetsConfig) -> list[str]:
    if not config.names:
        raise DolmaConfigError(f"dolma assets {config.action}: name at least one asset or URL")
    return config.names


def _fetch(names: list[str], repin: bool) -> None:
    for name in names:
        print(f"{name}: {assets.fetch(name, repin=repin)}")


def _chosen(names: list[str]) -> Iterator[Asset]:
    """The assets of these names, or all that are known here."""
    if not names:
        yield from assets.ASSETS.values()
        yield from assets.registered()
    for name in names:
        asset = assets.known(name)
        if asset is None:
            raise DolmaAssetError(f"{name} is neither an asset nor a URL (`dolma assets` shows all)")
        yield asset


def _verify(names: list[str]) -> None:
    problems = []
    for asset in _chosen(names):
        try:
            place = assets.verify(asset)
        except DolmaAssetError as error:
            problems.append(str(error))
            print(f"{asset.name}: damaged")
            continue
        print(f"{asset.name}: {f'good, {place}' if place else 'not here'}")
        if place is None and names:
            problems.append(f"{asset.name} is not on this machine")
    if problems:
        raise DolmaAssetError("\n  ".join(problems))


def _describe(asset: Asset) -> str:
    try:
        place = assets.find(asset) or f"not here (dolma assets fetch {asset.name})"
    except DolmaAssetError as error:
        place = f"damaged: {error}"
    size = f"{format_bytes(asset.size)}; " if asset.size else ""
    license = f"licence {asset.license}; " if asset.license else ""
    doc = f"  {asset.doc}\n" if asset.doc else ""
    return f"{asset.name}\n{doc}  {size}{license}{place}"
