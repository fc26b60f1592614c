"""`satclip models` as a real process, against a hub on a local socket."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from forked import Commands, Run
from hub import COMMIT, Hub, Request, Server, hub_handler, proxy_handler

from satclip_core.models.registry import load_encoder

NAME = "satclip-vit16-l40"
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    names = {*PROXIES, *(name.upper() for name in PROXIES), "HF_ENDPOINT"}
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return {**kept, "SATCLIP_CACHE": str(tmp_path / "cache")}


@pytest.fixture
def hub(environment: dict[str, str], small_model: Path) -> Iterator[Hub]:
    state = Hub(files={f"{NAME}.ckpt": small_model.read_bytes()})
    with Server(hub_handler(state)) as server:
        state.url = environment["SATCLIP_HUB_URL"] = server.url
        yield state


@pytest.fixture
def models(commands: Commands) -> Run:
    """Run `satclip models` in an environment."""
    return lambda environment, *args: commands.run(["models", *map(str, args)], env=environment)


def test_fetch_then_list_info_and_use(models, hub, environment, tmp_path):
    done = models(environment, "fetch", NAME)
    assert (done.returncode, done.stderr) == (0, "")
    path = tmp_path / "cache" / f"{NAME}.ckpt"
    assert done.stdout.strip() == str(path)
    assert path.read_bytes() == hub.files[f"{NAME}.ckpt"]
    record = json.loads((tmp_path / "cache" / f"{NAME}.json").read_text())
    assert record["commit"] == COMMIT

    entries = {e["name"]: e for e in json.loads(models(environment, "list", "--json").stdout)}
    assert entries[NAME]["state"] == "fetched"
    assert entries["satclip-vit16-l10"]["state"] == "not fetched"

    facts = json.loads(models(environment, "info", NAME, "--json").stdout)
    assert facts["weights_sha256"] == record["sha256"]
    assert facts["commit"] == COMMIT
    assert facts["licence"] == "MIT"
    assert "SatCLIP" in facts["card"]

    again = models(environment, "fetch", NAME)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert "is here already and unchanged" in again.stderr


def test_list_of_files_names_those_that_open(models, environment, tmp_path, small_model):
    folder = tmp_path / "theirs"
    folder.mkdir()
    shutil.copy(small_model, folder / "model_a_0.5.pth.tar")
    (folder / "broken.ckpt").write_bytes(b"no model")
    done = models(environment, "list", folder, "--json")
    assert done.returncode == 0
    entries = json.loads(done.stdout)
    assert [(entry["name"], entry["state"]) for entry in entries] == [("model_a_0.5", "file")]
    assert len(done.stderr.splitlines()) == 1
    assert "broken.ckpt" in done.stderr
    assert models(environment, "list", folder / "broken.ckpt").returncode == 1


def test_list_is_a_table(models, environment):
    done = models(environment, "list")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0].split() == ["NAME", "STATE", "L", "DIM", "RESOLUTION", "SIZE"]
    row = next(line for line in lines if line.startswith("satclip-resnet18-l10"))
    assert row.split()[1:] == ["not", "fetched", "10", "256", "9°", "57.2", "MB"]


def test_info_of_a_file_and_of_what_is_not_here(models, environment, small_model):
    done = models(environment, "info", small_model)
    assert done.returncode == 0
    assert "Siren(SH(lon, lat)), L = 10" in done.stdout
    assert "# Seeded weights, for tests" in done.stdout
    done = models(environment, "info", "satclip-vit16-l10")
    assert done.returncode == 0
    assert "satclip models fetch satclip-vit16-l10" in done.stdout
    assert "c7596a5f7aacf72a" in done.stdout


def test_convert_keeps_the_embeddings(models, golden, environment, tmp_path):
    source = golden / "lightning-l10.ckpt"
    expected = np.load(golden / "lightning-l10.npz")
    for dtype, tolerance in (("float64", 1e-5), ("float32", 1e-4), ("float16", 5e-2)):
        target = tmp_path / f"{dtype}.npz"
        done = models(environment, "convert", source, target, "--dtype", dtype)
        assert (done.returncode, done.stdout) == (0, f"{target}\n")
        found = load_encoder(target).encode(expected["lonlat"])
        np.testing.assert_allclose(found, expected["embedding"], rtol=0, atol=tolerance)
    sizes = [(tmp_path / f"{dtype}.npz").stat().st_size for dtype in ("float64", "float16")]
    assert sizes[1] < sizes[0] / 3
    done = models(environment, "convert", source, target)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "--overwrite" in done.stderr
    assert models(environment, "convert", source, target, "--overwrite").returncode == 0


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["fetch", "satclip-vit16"], 1, "did you mean satclip-vit16-l"),
        (["fetch", "bundled"], 1, "nothing to fetch"),
        (["info", "nowhere.npz"], 1, "there is no model file nowhere.npz"),
        (["convert", NAME, "out.npz"], 1, f"satclip models fetch {NAME}"),
        (["convert", "junk.ckpt", "out.npz"], 1, "junk.ckpt: it is no model file"),
        (["convert", "junk.ckpt", "out.pt"], 2, "must end in .npz"),
        (["convert", "junk.ckpt", "no/out.npz"], 1, "the folder no does not exist"),
        (["wrong"], 2, "No such command 'wrong'"),
    ],
)
def test_every_mistake_is_one_line(models, environment, tmp_path, monkeypatch, args, code, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "junk.ckpt").write_bytes(b"\x80\x04junk")
    done = models(environment, *args)
    assert done.returncode == code
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert [path.name for path in tmp_path.iterdir() if path.name != "cache"] == ["junk.ckpt"]


def test_offline_is_one_line(models, environment, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        environment["SATCLIP_HUB_URL"] = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = models(environment, "fetch", NAME)
    assert done.returncode == 1
    assert "cannot reach 127.0.0.1" in done.stderr
    assert "by hand" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_file_that_is_not_there_is_one_line(models, hub, environment):
    hub.files.clear()
    done = models(environment, "fetch", NAME)
    assert done.returncode == 1
    assert "answered 404 Not Found" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_changed_file_is_refused_and_force_mends_it(models, hub, environment, tmp_path):
    models(environment, "fetch", NAME)
    path = tmp_path / "cache" / f"{NAME}.ckpt"
    path.write_bytes(path.read_bytes()[:-1])
    for args in (["info", NAME], ["fetch", NAME]):
        done = models(environment, *args)
        assert done.returncode == 1
        assert f"satclip models fetch {NAME} --force" in done.stderr
    assert models(environment, "fetch", NAME, "--force").returncode == 0
    assert models(environment, "info", NAME).returncode == 0


def test_the_proxy_of_the_environment_is_used(models, hub, environment):
    log: list[Request] = []
    with Server(proxy_handler(log)) as proxy:
        done = models({**environment, "http_proxy": proxy.url}, "fetch", NAME)
    assert done.returncode == 0, done.stderr
    assert len(log) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX knows them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopped_in_the_middle_it_goes_on_from_there(models, hub, environment, tmp_path, number):
    hub.faults = ["hold:100000"]
    process = subprocess.Popen(
        [sys.executable, "-m", "satclip_cli", "models", "fetch", NAME],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    part = tmp_path / "cache" / f"{NAME}.ckpt.part"
    while process.poll() is None and not (part.exists() and part.stat().st_size):
        time.sleep(0.02)
    process.send_signal(number)
    _, errors = process.communicate(timeout=120)
    assert process.returncode in (130, 143, -9)
    assert "Traceback" not in errors
    if number == signal.SIGINT:
        assert errors == f"Interrupted: satclip models fetch {NAME} goes on from here\n"
    assert not (tmp_path / "cache" / f"{NAME}.ckpt").exists()
    here = part.stat().st_size
    assert 0 < here < len(hub.files[f"{NAME}.ckpt"])
    done = models(environment, "fetch", NAME)
    assert done.returncode == 0, done.stderr
    assert hub.asked("/cdn/")[-1].headers["Range"] == f"bytes={here}-"
    assert (tmp_path / "cache" / f"{NAME}.ckpt").read_bytes() == hub.files[f"{NAME}.ckpt"]


def test_without_a_network_a_file_brought_by_hand_is_used_by_its_path(
    models, environment, small_model, tmp_path
):
    shutil.copy(small_model, tmp_path / "brought.npz")
    assert models(environment, "info", tmp_path / "brought.npz").returncode == 0
