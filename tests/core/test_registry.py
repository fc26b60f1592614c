"""Names of models to files: fetched, recorded, checked on each load."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hub import COMMIT, Hub, Server, hub_handler

from satclip_core.errors import DownloadError, ModelError
from satclip_core.models import registry
from satclip_core.models.download import Policy
from satclip_core.models.published import PUBLISHED, cache_folder, use_cache_folder
from satclip_core.models.registry import fetch, find_model, list_models, load_encoder, read_record

# The one published model whose size and hash are learnt from the hub, so that any file will do.
NAME = "satclip-vit16-l40"
QUICK = Policy(attempts=2, backoff=0.01)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SATCLIP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def hub(cache: Path, small_model: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    state = Hub(files={f"{NAME}.ckpt": small_model.read_bytes()})
    with Server(hub_handler(state)) as server:
        state.url = server.url
        monkeypatch.setenv("SATCLIP_HUB_URL", server.url)
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
        yield state


def test_the_published_models_are_the_six_of_the_release_pinned_by_commit(monkeypatch):
    monkeypatch.delenv("SATCLIP_HUB_URL", raising=False)
    monkeypatch.delenv("HF_ENDPOINT", raising=False)
    assert list(PUBLISHED) == [
        f"satclip-{image}-l{degree}"
        for image in ("resnet18", "resnet50", "vit16")
        for degree in (10, 40)
    ]
    for model in PUBLISHED.values():
        assert len(model.revision) == 40
        assert model.sha256 is None or len(model.sha256) == 64
        assert model.url.startswith("https://huggingface.co/microsoft/SatCLIP-")
        assert model.url.endswith(f"/resolve/{model.revision}/{model.name}.ckpt")


def test_a_published_model_is_fetched_recorded_and_loaded_by_name(hub, cache):
    record, fresh = fetch(NAME, policy=QUICK)
    assert fresh
    body = hub.files[f"{NAME}.ckpt"]
    assert (cache / f"{NAME}.ckpt").read_bytes() == body
    assert record.sha256 == hashlib.sha256(body).hexdigest()
    assert (record.size, record.commit) == (len(body), COMMIT)
    assert read_record(PUBLISHED[NAME]) == record
    encoder = load_encoder(NAME.upper())
    assert encoder.name == NAME
    assert encoder.sha256 == record.sha256
    assert encoder.provenance["licence"] == "MIT"
    assert PUBLISHED[NAME].revision in encoder.provenance["training_source"]


def test_the_hub_is_asked_for_the_pinned_revision(hub):
    fetch(NAME, policy=QUICK)
    assert hub.log[0].path == (
        f"/microsoft/SatCLIP-ViT16-L40/resolve/{PUBLISHED[NAME].revision}/{NAME}.ckpt"
    )


def test_what_is_here_is_not_fetched_again(hub):
    first, _ = fetch(NAME, policy=QUICK)
    asked = len(hub.log)
    again, fresh = fetch(NAME, policy=QUICK)
    assert (again, fresh) == (first, False)
    assert len(hub.log) == asked
    _, fresh = fetch(NAME, force=True, policy=QUICK)
    assert fresh


@pytest.mark.parametrize("change", ["grow", "flip"])
def test_a_changed_file_is_refused_until_it_is_fetched_again(hub, cache, change):
    fetch(NAME, policy=QUICK)
    file = cache / f"{NAME}.ckpt"
    body = bytearray(file.read_bytes())
    if change == "grow":
        body += b"x"
    else:
        body[1000] ^= 1
    file.write_bytes(body)
    for use in (load_encoder, fetch):
        with pytest.raises(
            ModelError, match=rf"not the file that was fetched.*fetch\('{NAME}', force=True\)"
        ):
            use(NAME)
    fetch(NAME, force=True, policy=QUICK)
    load_encoder(NAME)


def test_a_damaged_record_is_refused(hub, cache):
    fetch(NAME, policy=QUICK)
    (cache / f"{NAME}.json").write_text("{}")
    with pytest.raises(ModelError, match=r"record .* cannot be read.*force=True"):
        load_encoder(NAME)


def test_a_file_without_a_record_is_refused_where_no_hash_is_pinned(cache, small_model):
    cache.mkdir()
    shutil.copy(small_model, cache / f"{NAME}.ckpt")
    with pytest.raises(ModelError, match="no record of where it came from"):
        load_encoder(NAME)


def test_a_pinned_hash_refuses_another_file_from_the_hub(hub, cache, small_model):
    name = "satclip-resnet18-l10"
    hub.files[f"{name}.ckpt"] = small_model.read_bytes()
    with pytest.raises(DownloadError, match=r"offers .* bytes instead of 57,201,927"):
        fetch(name, policy=QUICK)
    assert not (cache / f"{name}.ckpt").exists()


def test_a_pinned_file_brought_by_hand_needs_no_record(cache, small_model, monkeypatch):
    body = small_model.read_bytes()
    pinned = replace(PUBLISHED[NAME], size=len(body), sha256=hashlib.sha256(body).hexdigest())
    monkeypatch.setitem(PUBLISHED, NAME, pinned)
    cache.mkdir()
    shutil.copy(small_model, cache / f"{NAME}.ckpt")
    assert load_encoder(NAME).name == NAME
    record, fresh = fetch(NAME)
    assert (record.sha256, fresh) == (pinned.sha256, False)


def test_an_unfetched_name_says_how_to_fetch_it(cache):
    with pytest.raises(ModelError, match=rf"not here yet: fetch\('{NAME}'\)$"):
        load_encoder(NAME)


@pytest.mark.parametrize(
    ("name", "guess"),
    [("satclip-vit16-l4", "satclip-vit16-l40"), ("bundle", "bundled"), ("zzz", "satclip-vit16")],
)
def test_an_unknown_name_lists_the_nearest_and_all(name, guess):
    for use in (load_encoder, fetch):
        with pytest.raises(ModelError, match=guess) as caught:
            use(name)
        assert "bundled, words, satclip-resnet18-l10" in str(caught.value)


@pytest.mark.parametrize("path", ["nowhere.npz", "nowhere.ckpt", "a/b", "~/nowhere.npz"])
def test_a_missing_path_is_named(path):
    with pytest.raises(ModelError, match="there is no model file"):
        load_encoder(path)


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(ModelError, match="is a folder"):
        load_encoder(tmp_path)


def test_paths_are_opened_as_text_and_as_path(small_model, tmp_path, monkeypatch):
    shutil.copy(small_model, tmp_path / "plain")
    monkeypatch.chdir(tmp_path)
    names = {load_encoder(given).name for given in (small_model, str(small_model), "plain")}
    assert names == {"small-test-model"}


def test_the_published_checkpoint_of_the_release_opens_under_its_name(golden, cache, monkeypatch):
    body = (golden / "lightning-l10.ckpt").read_bytes()
    state = Hub(files={f"{NAME}.ckpt": body})
    with Server(hub_handler(state)) as server:
        state.url = server.url
        monkeypatch.setenv("SATCLIP_HUB_URL", server.url)
        fetch(NAME, policy=QUICK)
    expected = np.load(golden / "lightning-l10.npz")
    found = load_encoder(NAME).encode(expected["lonlat"])
    np.testing.assert_allclose(found, expected["embedding"], rtol=0, atol=1e-5)


def test_list_says_what_is_here(hub):
    states = {entry.name: entry.state for entry in list_models()}
    assert states[NAME] == "not fetched"
    fetch(NAME, policy=QUICK)
    entry = next(entry for entry in list_models() if entry.name == NAME)
    assert entry.state == "fetched"
    assert entry.size == len(hub.files[f"{NAME}.ckpt"])
    assert (entry.legendre_polys, entry.dim, entry.resolution_degrees) == (40, 256, 2.25)


def test_bundled_loads_by_default_once_it_is_there(small_model, monkeypatch):
    monkeypatch.setitem(registry.SHIPPED, "bundled", small_model)
    assert load_encoder().dim == 256
    assert find_model("Bundled") == small_model
    assert list_models()[0].state == "bundled"
    with pytest.raises(ModelError, match="nothing to fetch"):
        fetch("bundled")


def test_without_a_bundled_model_the_message_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(registry.SHIPPED, "bundled", tmp_path / "bundled.npz")
    with pytest.raises(ModelError, match="no model bundled"):
        load_encoder()


def test_the_cache_is_the_same_folder_with_and_without_platformdirs(monkeypatch, tmp_path):
    monkeypatch.delenv("SATCLIP_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with_it = cache_folder()
    monkeypatch.setitem(sys.modules, "platformdirs", None)
    assert cache_folder() == with_it


def test_the_registry_needs_neither_torch_nor_a_download_library():
    code = "import sys, satclip_core.models.registry as r; r.list_models(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"torch", "requests", "httpx", "huggingface_hub"} & set(done.stdout.split())


def test_a_folder_that_is_named_comes_before_the_environment(tmp_path: Path) -> None:
    usual = cache_folder()
    try:
        use_cache_folder(str(tmp_path / "chosen"))
        assert cache_folder() == tmp_path / "chosen"
        assert PUBLISHED["satclip-vit16-l10"].path.parent == tmp_path / "chosen"
    finally:
        use_cache_folder(None)
    assert cache_folder() == usual
