"""Downloads against a real local server, with the faults that real ones have."""

from __future__ import annotations

import hashlib
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hub import COMMIT, Hub, Request, Server, hub_handler, proxy_handler

from satclip_core.errors import CancelledError, DownloadError
from satclip_core.models.download import Policy, download

BODY = np.random.default_rng(0).bytes(300_000)
QUICK = Policy(attempts=3, backoff=0.01)
NAME = "model.ckpt"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def hub() -> Iterator[Hub]:
    state = Hub(files={NAME: BODY})
    with Server(hub_handler(state)) as server:
        state.url = server.url
        yield state


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "cache" / NAME


def fetch(hub: Hub, target: Path, **options: object):
    options.setdefault("policy", QUICK)
    return download(f"{hub.url}/owner/name/resolve/main/{NAME}", target, **options)


def leftovers(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir()}


def test_follows_the_redirect_and_learns_commit_size_and_hash(hub, target):
    seen: list[tuple[int, int]] = []
    fetched = fetch(hub, target, progress=lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == BODY
    assert (fetched.size, fetched.commit) == (len(BODY), COMMIT)
    assert fetched.sha256 == hashlib.sha256(BODY).hexdigest()
    assert leftovers(target) == {NAME}
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize("fault", ["500", "503", "429", "reset", "cut:1000", "cut:0", "hold:1000"])
def test_a_passing_fault_is_tried_again(hub, target, fault):
    hub.faults = [fault, fault]
    fetch(hub, target, policy=replace(QUICK, timeout=1.0) if fault == "hold:1000" else QUICK)
    assert target.read_bytes() == BODY


def test_a_truncated_answer_is_continued_not_started_again(hub, target):
    hub.faults = ["cut:100000"]
    fetch(hub, target)
    first, second = hub.asked("/cdn/")
    assert "Range" not in first.headers
    assert second.headers["Range"] == "bytes=100000-"
    assert second.headers["If-Range"].startswith('"')
    assert target.read_bytes() == BODY


def test_progress_between_faults_resets_the_patience(hub, target):
    hub.faults = ["cut:1000"] * 10
    fetch(hub, target)
    assert target.read_bytes() == BODY


def test_gives_up_and_keeps_the_part_which_the_next_run_continues(hub, target):
    hub.faults = ["cut:50000", "500", "500", "500"]
    with pytest.raises(DownloadError, match=r"answered 500.*try again later"):
        fetch(hub, target)
    assert not target.exists()
    assert (target.parent / f"{NAME}.part").stat().st_size == 50_000
    fetch(hub, target)
    assert hub.asked("/cdn/")[-1].headers["Range"] == "bytes=50000-"
    assert target.read_bytes() == BODY
    assert leftovers(target) == {NAME}


def test_a_server_that_ignores_range_restarts_the_file(hub, target):
    hub.faults = ["cut:50000", "whole"]
    fetch(hub, target)
    assert target.read_bytes() == BODY


def test_a_file_that_changed_meanwhile_is_not_mixed(hub, target):
    hub.faults, hub.linked = ["cut:50000", "500", "500", "500"], False
    with pytest.raises(DownloadError):
        fetch(hub, target)
    hub.files[NAME] = BODY[::-1]
    fetch(hub, target)
    assert target.read_bytes() == BODY[::-1]


def test_without_a_validator_or_a_hash_nothing_is_resumed(hub, target):
    hub.faults, hub.linked, hub.etag = ["cut:50000"], False, False
    fetch(hub, target)
    assert "Range" not in hub.asked("/cdn/")[1].headers
    assert target.read_bytes() == BODY


def test_a_part_that_is_too_long_is_thrown_away(hub, target):
    target.parent.mkdir()
    (target.parent / f"{NAME}.part").write_bytes(BODY + b"more")
    url = f"{hub.url}/owner/name/resolve/main/{NAME}"
    (target.parent / f"{NAME}.part.json").write_text(f'{{"url": "{url}", "validator": ""}}')
    fetch(hub, target, sha256=hashlib.sha256(BODY).hexdigest())
    assert target.read_bytes() == BODY


def test_a_damaged_part_is_found_by_its_hash_and_thrown_away(hub, target):
    target.parent.mkdir()
    (target.parent / f"{NAME}.part").write_bytes(b"x" * 1000)
    url = f"{hub.url}/owner/name/resolve/main/{NAME}"
    (target.parent / f"{NAME}.part.json").write_text(f'{{"url": "{url}", "validator": ""}}')
    with pytest.raises(DownloadError, match=r"SHA-256 .* instead of"):
        fetch(hub, target, sha256=hashlib.sha256(BODY).hexdigest())
    assert leftovers(target) == set()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sha256": "0" * 64}, "SHA-256 .* instead of 0000"),
        ({"size": 17}, "offers 300,000 bytes instead of 17"),
    ],
)
def test_the_wrong_file_is_refused(hub, target, options, message):
    with pytest.raises(DownloadError, match=message):
        fetch(hub, target, **options)
    assert not target.exists()


def test_a_login_page_is_named(hub, target):
    hub.faults = ["html"]
    with pytest.raises(DownloadError, match="a web page: a login or a proxy"):
        fetch(hub, target)
    assert not target.exists()


def test_not_found_is_final_and_hides_the_signature(hub, target):
    hub.faults = ["404"]
    with pytest.raises(DownloadError, match=r"/cdn/model\.ckpt answered 404") as caught:
        fetch(hub, target)
    assert "secret" not in str(caught.value)
    assert len(hub.asked("/cdn/")) == 1


def test_offline_is_one_line_with_the_host_and_what_to_do(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DownloadError) as caught:
        download(f"http://127.0.0.1:{port}/a.ckpt", tmp_path / "a.ckpt", policy=QUICK)
    message = str(caught.value)
    assert f"cannot reach 127.0.0.1:{port}" in message
    assert "https_proxy" in message
    assert "by hand" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    "url",
    ["ftp://x/y", "file:///etc/passwd", "no address", "http://user:pw@host/x", "http://h:abc/x"],
)
def test_other_addresses_are_refused(tmp_path, url):
    with pytest.raises(DownloadError) as caught:
        download(url, tmp_path / "a.ckpt", policy=QUICK)
    assert "pw" not in str(caught.value)


def test_a_redirect_away_from_http_is_not_followed(hub, target):
    hub.cdn = "file:///etc"
    with pytest.raises(DownloadError, match="not followed") as caught:
        fetch(hub, target)
    assert "secret" not in str(caught.value)


def test_cancelling_keeps_the_part_and_the_next_run_continues(hub, target):
    hub.faults = ["slow"]
    asked = iter([False, False, False])
    with pytest.raises(CancelledError):
        fetch(hub, target, cancelled=lambda: next(asked, True))
    assert not target.exists()
    assert (target.parent / f"{NAME}.part").stat().st_size > 0
    fetch(hub, target)
    assert "Range" in hub.asked("/cdn/")[-1].headers
    assert target.read_bytes() == BODY


def test_a_second_fetch_of_the_same_file_is_told_to_wait(hub, target):
    fcntl = pytest.importorskip("fcntl")
    target.parent.mkdir()
    with open(target.parent / f"{NAME}.part", "ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(DownloadError, match="under way"):
            fetch(hub, target)


def test_a_folder_that_cannot_be_made_is_named(hub, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match="cannot write"):
        fetch(hub, tmp_path / "file" / NAME)


def test_no_room_is_said_before_anything_is_fetched(hub, target, monkeypatch):
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    with pytest.raises(DownloadError, match="make room, or name another folder in SATCLIP_CACHE"):
        fetch(hub, target)
    assert not target.exists()


def test_the_proxy_of_the_environment_is_used(hub, target, monkeypatch):
    log: list[Request] = []
    with Server(proxy_handler(log)) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//user:secret@"))
        fetch(hub, target)
    assert target.read_bytes() == BODY
    assert [request.path.startswith(hub.url) for request in log] == [True, True]
    assert "proxy-authorization" in {name.lower() for name in log[0].headers}


def test_the_password_of_the_proxy_stays_with_the_proxy(hub, target, monkeypatch):
    log: list[Request] = []
    elsewhere = Hub(files={NAME: BODY})
    with Server(proxy_handler(log)) as proxy, Server(hub_handler(elsewhere)) as cdn:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//user:secret@"))
        monkeypatch.setenv("no_proxy", cdn.url.removeprefix("http://"))
        hub.cdn = cdn.url
        fetch(hub, target)
    sent = {name.lower() for name in elsewhere.log[0].headers}
    assert not sent & {"proxy-authorization", "authorization", "cookie"}
    assert len(log) == 1


def test_a_dead_proxy_is_named_without_its_password(hub, target, monkeypatch):
    with Server(proxy_handler([])) as proxy:
        dead = proxy.url
    monkeypatch.setenv("http_proxy", dead.replace("//", "//user:secret@"))
    with pytest.raises(DownloadError, match=f"through the proxy {dead[7:]}") as caught:
        fetch(hub, target)
    assert "secret" not in str(caught.value)


def test_more_than_was_announced_is_refused(hub, target):
    hub.faults = ["endless"]
    with pytest.raises(DownloadError, match="sent more than the 300,000 bytes due"):
        fetch(hub, target)
    assert not target.exists()


def test_a_certificate_that_is_not_trusted_and_then_is(target, tmp_path, monkeypatch):
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl, which makes the certificate, is not installed")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=hub", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    state = Hub(files={NAME: BODY})
    with Server(hub_handler(state), tls) as server:
        state.url = server.url
        with pytest.raises(DownloadError, match=r"not trusted .*SSL_CERT_FILE"):
            fetch(state, target)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        fetch(state, target)
        assert target.read_bytes() == BODY
        target.unlink()
        state.cdn = server.url.replace("https", "http")
        with pytest.raises(DownloadError, match="not followed"):
            fetch(state, target)
