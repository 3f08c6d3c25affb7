"""Models and lists: fetched once, checked always, never unasked."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from command import dolma, environment, succeed
from dolma import assets
from dolma import tagger as run_tag
from dolma.assets import ASSETS, Asset, pins
from dolma.errors import DolmaAssetError, DolmaConfigError
from dolma.storage import failures
from shards import attributes_of, put

WORDS = b"chowder\nlighthouse keeper\n"


@dataclass
class Site:
    """A web server on this machine: what it answers, and how often it was asked."""

    files: dict[str, bytes]
    asked: list[str] = field(default_factory=list)
    #: Bytes of each answer that are left out although its length is told.
    missing: int = 0
    delay: float = 0.0
    url: str = ""


@pytest.fixture
def site() -> Iterator[Site]:
    served = Site({"/words.txt": WORDS})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            time.sleep(served.delay)
            body = served.files.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write((body or b"")[: len(body or b"") - served.missing])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        served.url = f"http://127.0.0.1:{server.server_address[1]}/words.txt"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield served
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache; nothing waits long for a server that fails."""
    monkeypatch.setenv("DOLMA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DOLMA_ASSETS", raising=False)
    monkeypatch.delenv("DOLMA_FETCH", raising=False)
    monkeypatch.setattr(failures, "FIRST_PAUSE", 0.01)
    return tmp_path / "cache" / "assets"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def declare(
    monkeypatch: pytest.MonkeyPatch, site: Site, digest: str = "", packages: tuple[str, ...] = ()
) -> str:
    """Puts an asset into the table; its name."""
    asset = Asset(name="words", url=site.url, sha256=digest, license="", doc="", packages=packages)
    monkeypatch.setitem(assets.ASSETS, "words", asset)
    return "words"


def leftovers(cache: Path) -> list[str]:
    return [path.name for path in cache.glob(".fetch-*")]


def test_a_download_is_kept_and_pinned(cache: Path, site: Site) -> None:
    path = assets.fetch(site.url)
    assert Path(path).read_bytes() == WORDS
    asked = len(site.asked)
    assert assets.resolve(site.url) == path
    assert assets.fetch(site.url) == path
    assert len(site.asked) == asked
    pin = pins.read(str(cache / assets.LOCK_NAME))[site.url]
    assert (pin.sha256, pin.size) == (sha256(WORDS), len(WORDS))
    assert leftovers(cache) == []


def test_other_content_than_the_first_is_refused_until_it_is_wanted(cache: Path, site: Site) -> None:
    path = Path(assets.fetch(site.url))
    path.unlink()
    site.files["/words.txt"] = b"changed"
    with pytest.raises(DolmaAssetError) as error:
        assets.fetch(site.url)
    assert sha256(b"changed") in str(error.value)
    assert sha256(WORDS) in str(error.value)
    assert "--repin" in str(error.value)
    assert not path.exists()
    assert assets.fetch(site.url, repin=True) == str(path)
    assert path.read_bytes() == b"changed"
    assert assets.resolve(site.url) == str(path)


def test_a_damaged_copy_is_refused_and_fetched_again(cache: Path, site: Site) -> None:
    path = Path(assets.fetch(site.url))
    path.write_bytes(b"damaged, and longer than before")
    with pytest.raises(DolmaAssetError, match=r"where .* is expected"):
        assets.find(assets.known(site.url))
    assets.fetch(site.url)
    assert path.read_bytes() == WORDS


def test_a_corrupt_download_is_no_asset(cache: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    name = declare(monkeypatch, site, sha256(b"what was published"))
    with pytest.raises(DolmaAssetError) as error:
        assets.fetch(name)
    assert sha256(WORDS) in str(error.value)
    assert sha256(b"what was published") in str(error.value)
    assert not (cache / name).exists()
    assert leftovers(cache) == []
    site.files["/words.txt"] = b"what was published"
    assert Path(assets.fetch(name)).read_bytes() == b"what was published"
    # The table pins it: no lock file says it again.
    assert name not in pins.read(str(cache / assets.LOCK_NAME))


def test_a_pin_in_the_url_is_held(cache: Path, site: Site) -> None:
    with pytest.raises(DolmaAssetError, match=r"0{64} is expected"):
        assets.resolve(f"{site.url}#sha256={'0' * 64}")
    assert Path(assets.resolve(f"{site.url}#sha256={sha256(WORDS)}")).read_bytes() == WORDS


def test_a_truncated_download_is_an_error(cache: Path, site: Site) -> None:
    site.missing = 3
    with pytest.raises(DolmaAssetError, match="cannot be downloaded"):
        assets.fetch(site.url)
    assert not list(cache.glob("[!.]*"))
    assert leftovers(cache) == []
    site.missing = 0
    assert Path(assets.fetch(site.url)).read_bytes() == WORDS


def test_a_missing_file_is_an_error(cache: Path, site: Site) -> None:
    with pytest.raises(DolmaAssetError, match="cannot be downloaded"):
        assets.fetch(site.url.replace("words", "nowhere"))


def test_processes_that_want_the_same_download_it_once(cache: Path, site: Site) -> None:
    assets.fetch(site.url)
    for_one = len(site.asked)
    (path,) = [path for path in cache.iterdir() if path.name.endswith("-words.txt")]
    path.unlink()
    (cache / assets.LOCK_NAME).unlink()
    site.asked.clear()
    site.delay = 0.5
    program = [sys.executable, "-m", "dolma", "assets", "fetch", site.url]
    running = [
        subprocess.Popen(program, env=environment(), stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    printed = [process.communicate(timeout=60)[0] for process in running]
    assert [process.returncode for process in running] == [0] * 4
    assert printed == [f"{site.url}: {path}\n"] * 4
    assert len(site.asked) == for_one
    assert path.read_bytes() == WORDS


def test_what_a_killed_download_left_is_cleared_away(cache: Path, site: Site) -> None:
    path = Path(assets.fetch(site.url))
    path.unlink()
    (cache / f".fetch-{path.name}-killed").mkdir()
    (cache / f".fetch-{path.name}-killed" / "part").write_bytes(WORDS[:4])
    assets.fetch(site.url)
    assert leftovers(cache) == []


def test_nothing_is_fetched_unasked(cache: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    name = declare(monkeypatch, site)
    with pytest.raises(DolmaAssetError, match=r"dolma assets fetch words.*DOLMA_FETCH=1.*DOLMA_ASSETS"):
        assets.resolve(name)
    assert site.asked == []
    with assets.policy(fetch=True):
        assert Path(assets.resolve(name)).read_bytes() == WORDS


def test_all_that_is_missing_is_named_at_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, last = ["naughty_words_en.txt", "lid.176.bin", "glotlid_v3.bin"]
    with pytest.raises(DolmaAssetError, match=rf"2 assets {second} {last} are not .* fetch {second} {last}`"):
        assets.resolve_all([first, second, last])
    assert [Path(path).name for path in assets.resolve_all([first, first])] == [first, first]


def test_an_environment_may_allow_downloads(cache: Path, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    name = declare(monkeypatch, site)
    monkeypatch.setenv("DOLMA_FETCH", "perhaps")
    with pytest.raises(DolmaConfigError, match="DOLMA_FETCH is 1 or 0, not 'perhaps'"):
        assets.resolve(name)
    monkeypatch.setenv("DOLMA_FETCH", "1")
    assert assets.resolve(name) == str(cache / name)


def test_a_lock_file_of_the_users_pins_what_was_here_before(cache: Path, site: Site, tmp_path: Path) -> None:
    path = assets.fetch(site.url)
    lock = tmp_path / "recipe" / "assets.lock"
    with assets.policy(lock=str(lock)):
        assert assets.resolve(site.url) == path
    assert json.loads(lock.read_text())[site.url]["sha256"] == sha256(WORDS)
    # Elsewhere, with a cache that took another content.
    elsewhere = pins.Pin(sha256=sha256(b"other"), size=5)
    pins.pin(str(cache / assets.LOCK_NAME), site.url, elsewhere, replace=True)
    Path(path).write_bytes(b"other")
    assert assets.resolve(site.url) == path
    with (
        assets.policy(lock=str(lock)),
        pytest.raises(DolmaAssetError, match=f"where {sha256(WORDS)} is expected"),
    ):
        assets.resolve(site.url)


def test_a_folder_for_machines_without_a_network_is_read_and_never_written(
    cache: Path, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = declare(monkeypatch, site)
    folder = tmp_path / "carried"
    folder.mkdir()
    (folder / name).write_bytes(WORDS)
    (folder / assets.LOCK_NAME).write_text(json.dumps({name: {"sha256": sha256(WORDS), "size": len(WORDS)}}))
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())
    monkeypatch.setenv("DOLMA_ASSETS", str(folder))
    assert assets.resolve(name) == str(folder / name)
    assert site.asked == []
    assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()) == before
    (folder / name).write_bytes(b"swapped")
    with pytest.raises(DolmaAssetError, match="pins it"):
        assets.resolve(name)
    # A pinned URL is found there under the name it was published with.
    (folder / "words.txt").write_bytes(WORDS)
    assert assets.resolve(f"{site.url}#sha256={sha256(WORDS)}") == str(folder / "words.txt")
    assert site.asked == []


def test_a_list_inside_a_package_is_used_from_there(
    cache: Path, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "carrier"
    (package / "lists").mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "lists/words.txt").write_bytes(WORDS)
    monkeypatch.syspath_prepend(str(tmp_path))
    name = declare(monkeypatch, site, sha256(WORDS), ("absent:lists/words.txt", "carrier:lists/words.txt"))
    assert assets.resolve(name) == str(package / "lists/words.txt")
    assert site.asked == []


def test_a_file_of_the_users_is_registered_by_name(cache: Path, tmp_path: Path) -> None:
    model = tmp_path / "mine.bin"
    model.write_bytes(b"weights")
    path = assets.register("my_quality", str(model), license="ours", doc="Written about chowder.")
    model.unlink()
    assert assets.resolve("my_quality") == path
    assert [asset.doc for asset in assets.registered()] == ["Written about chowder."]
    Path(path).write_bytes(b"other weights")
    with pytest.raises(DolmaAssetError, match="pins it"):
        assets.resolve("my_quality")
    for wrong in ("lid.176.bin", "../x", "", ".hidden", assets.LOCK_NAME):
        with pytest.raises(DolmaAssetError, match="register the asset under another name"):
            assets.register(wrong, str(tmp_path))


def test_advice_on_a_carried_file_that_the_lock_file_does_not_know_is_to_look_at_it(
    cache: Path, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--repin` would leave the file where it is, and ask for a network that is not there."""
    carried = shutil.copytree(Path(assets.fetch(site.url)).parent, tmp_path / "carried")
    name = next(path.name for path in carried.iterdir() if path.name.endswith("-words.txt"))
    (carried / name).write_bytes(b"swapped")
    asked = len(site.asked)
    monkeypatch.setenv("DOLMA_ASSETS", f"{carried}/")
    lock = carried / assets.LOCK_NAME
    with pytest.raises(DolmaAssetError) as error:
        assets.resolve(site.url)
    assert str(error.value) == (
        f"{carried / name} has the sha256 {sha256(b'swapped')} where {sha256(WORDS)} is expected ({lock} pins it); "
        f"look where the file was copied from and put the right one there, or, if this content is wanted, take "
        f"{site.url} out of {lock}"
    )
    assert len(site.asked) == asked
    pinned = json.loads(lock.read_text())
    del pinned[site.url]
    lock.write_text(json.dumps(pinned))
    (cache / assets.LOCK_NAME).unlink()
    assert assets.resolve(site.url) == str(carried / name)


def test_pins_of_many_processes_are_all_kept(tmp_path: Path) -> None:
    lock = tmp_path / "assets.lock"
    code = (
        "import sys; from dolma.assets import pins\n"
        "for n in range(20): pins.pin(sys.argv[1], f'{sys.argv[2]}-{n}', pins.Pin(sha256='0', size=n))\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(lock), str(worker)], env=environment())
        for worker in range(4)
    ]
    assert [process.wait(timeout=60) for process in running] == [0] * 4
    assert len(pins.read(str(lock))) == 80
    assert [name for name in os.listdir(tmp_path) if not name.endswith(".mutex")] == ["assets.lock"]


def test_a_lock_file_that_is_none_is_named(cache: Path) -> None:
    cache.mkdir(parents=True)
    (cache / assets.LOCK_NAME).write_text("[1, 2]")
    with pytest.raises(DolmaAssetError, match=r"assets\.lock cannot be read as a lock file"):
        assets.resolve("lid.176.ftz")


def test_the_command_lists_fetches_verifies_and_finds(cache: Path, site: Site) -> None:
    listed = succeed("assets").out
    assert "lid.176.bin" in listed
    assert "not here (dolma assets fetch lid.176.bin)" in listed
    path = succeed("assets", "fetch", site.url).out.split(": ")[-1].strip()
    assert site.url in succeed("assets", "list").out
    assert succeed("assets", "path", site.url, "lid.176.ftz").out.splitlines()[0] == path
    assert f"{site.url}: good, {path}" in succeed("assets", "verify").out
    Path(path).write_bytes(b"no")
    damaged = dolma("assets", "verify")
    assert damaged.code == 6
    assert f"{site.url}: damaged" in damaged.out
    assert dolma("assets", "verify", "lid.176.bin").code == 6
    # The flag of earlier versions.
    assert succeed("assets", "--fetch", site.url).out == f"{site.url}: {path}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fetch"], "dolma assets fetch: name at least one"),
        (["path", "lid.176.bim"], "did you mean the asset 'lid.176.bin'?"),
        (["fetch", "lid.176.bim"], "did you mean 'lid.176.bin'?"),
        (["get"], "it is one of 'list', 'fetch', 'verify', 'path'"),
        (["verify", "--fetch", "x"], "give either --fetch or an action"),
        (["path", "lid.176.bin"], "dolma assets fetch lid.176.bin"),
    ],
)
def test_the_command_explains_itself(cache: Path, arguments: list[str], message: str) -> None:
    result = dolma("assets", *arguments)
    assert result.code in (2, 6)
    assert message in result.err


def test_a_run_takes_a_url_and_pins_it(cache: Path, site: Site, tmp_path: Path) -> None:
    put(tmp_path / "documents/d.jsonl.gz", "a chowder for the lighthouse keeper", "nothing")
    arguments = [
        *("tag", "--documents", "documents", "--taggers", "toxicity_wordlist_v1", "--experiment", "e"),
        *("--tagger_options.toxicity_wordlist_v1.path", site.url, "--assets_lock", "assets.lock"),
    ]
    succeed(*arguments, cwd=tmp_path)
    found = attributes_of(tmp_path / "attributes/e/d.jsonl.gz")
    assert found[0]["e__toxicity_wordlist_v1__doc_count"][0][2] == 2
    assert found[1]["e__toxicity_wordlist_v1__doc_count"][0][2] == 0
    assert site.url in json.loads((tmp_path / "assets.lock").read_text())


def test_a_run_downloads_what_it_is_allowed_to(
    cache: Path, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = declare(monkeypatch, site, sha256(WORDS))
    put(tmp_path / "documents/d.jsonl.gz", "a chowder for the lighthouse keeper")
    config = {
        "documents": [str(tmp_path / "documents")],
        "taggers": ["toxicity_wordlist_v1"],
        "tagger_options": {"toxicity_wordlist_v1": {"path": name}},
        "experiment": "e",
    }
    with pytest.raises(DolmaAssetError, match="DOLMA_FETCH=1"):
        run_tag(config)
    assert site.asked == []
    assert run_tag({**config, "fetch_assets": True}) is not None
    found = attributes_of(tmp_path / "attributes/e/d.jsonl.gz")
    assert found[0]["e__toxicity_wordlist_v1__doc_count"][0][2] == 2


def test_advice_on_a_wrong_pin_is_to_correct_the_pin(cache: Path, site: Site) -> None:
    wrong, right = (f"{site.url}#sha256={digest}" for digest in ("0" * 64, sha256(WORDS)))
    with pytest.raises(DolmaAssetError, match=r"; correct what stands behind `#sha256=`, or the address$"):
        assets.fetch(wrong)
    path = Path(assets.fetch(right))
    asset = assets.known(wrong)
    assert asset is not None
    with pytest.raises(DolmaAssetError) as error:
        assets.find(asset)
    again = f"if `#sha256=` in the address is right, run `dolma assets fetch '{wrong}'` to fetch it again"
    assert str(error.value).endswith(f"; {again}")
    path.write_bytes(b"damaged")
    assert assets.fetch(right) == str(path)
    assert path.read_bytes() == WORDS


def test_advice_on_a_wrong_file_in_the_folder_of_the_user_is_to_put_the_right_one_there(
    cache: Path, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = declare(monkeypatch, site, sha256(WORDS))
    monkeypatch.setenv("DOLMA_ASSETS", str(tmp_path / "mine"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_bytes(b"other")
    for get in (assets.resolve, assets.fetch):
        with pytest.raises(DolmaAssetError, match=r"mine/words has the sha256 .*; put the right file there$"):
            get(name)
    assert site.asked == []


# Folders of others


@pytest.fixture
def others() -> Iterator[Path]:
    """A folder that this user may read and nobody but its owner may write; everybody can get there."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@contextmanager
def unprivileged(folder: Path, mode: int) -> Iterator[None]:
    """Whoever runs the tests as a user whom the mode of `folder` holds for."""
    os.chmod(folder, mode)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        os.chmod(folder, 0o755)


def test_a_cache_that_may_only_be_read_is_used(
    others: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOLMA_CACHE", str(others))
    path = assets.fetch(site.url)
    asked = len(site.asked)
    with unprivileged(others / "assets", 0o555):
        assert assets.resolve(site.url) == assets.fetch(site.url) == path
        assert assets.verify(assets.known(site.url)) == path
        other = site.url.replace("words", "others")
        with pytest.raises(DolmaAssetError, match=r"cannot be written: .*; DOLMA_CACHE names another folder"):
            assets.resolve(other)
    assert len(site.asked) == asked


def test_a_cache_that_may_not_be_entered_is_none(
    others: Path, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOLMA_CACHE", str(others))
    assets.fetch(site.url)
    with unprivileged(others / "assets", 0o000):
        assert assets.resolve("lid.176.ftz").endswith("lid.176.ftz")
        assert assets.verify(ASSETS["lid.176.ftz"]) is not None
        with pytest.raises(DolmaAssetError, match="cannot be written"):
            assets.resolve(site.url)
    lock = others / "assets" / "assets.lock"
    with unprivileged(lock, 0o000), pytest.raises(DolmaAssetError, match="cannot be read as a lock file"):
        assets.resolve(site.url)


def test_what_reads_an_address_is_named_on_one_line(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import smart_open

    def lacking(*_: object, **__: object) -> None:
        raise ImportError("You lack something.\n\n    pip install it\n")

    monkeypatch.setattr(smart_open, "open", lacking)
    with pytest.raises(DolmaAssetError) as error:
        assets.fetch("https://example.org/list.txt")
    assert str(error.value).endswith(
        "nothing installed here reads https://; try `pip install 'smart_open[all]'` "
        "(You lack something. pip install it)"
    )
