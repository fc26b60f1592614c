"""Fetching one file over HTTP(S) with the standard library: resumable, checked, atomic.

What has arrived waits in `NAME.part` beside the target, with the server's validator in
`NAME.part.json`; the target appears by a rename once size and SHA-256 are right.
"""

from __future__ import annotations

import errno
import http.client
import json
import os
import shutil
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from ..errors import CancelledError, DownloadError
from ..files import hash_stream
from ..types import Cancelled, Progress
from ..version import __version__

_CHUNK = 1 << 16
# Left free on the disk beyond the file itself, so that a fetch does not fill it to the brim.
_SPARE_BYTES = 16 << 20
_TRANSIENT_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT = 60.0
# Sent on to the host of a redirect; anything else (a proxy's password, say) stays behind.
_REDIRECTED_HEADERS = frozenset({"user-agent", "accept-encoding", "range", "if-range"})
# What the Hugging Face hub says on its own answer, before it redirects to its CDN.
_HUB_HEADERS = ("X-Repo-Commit", "X-Linked-Size", "X-Linked-ETag")


@dataclass(frozen=True)
class Policy:
    """How patient a download is.

    Attributes:
        timeout: seconds without a byte before a connection counts as lost.
        attempts: tries in a row that bring no byte before giving up.
        backoff: seconds before the second try, doubled for each one after it.
    """

    timeout: float = 30.0
    attempts: int = 5
    backoff: float = 1.0


@dataclass(frozen=True)
class Fetched:
    """A file that arrived whole.

    Attributes:
        path: where it lies.
        size: bytes.
        sha256: of the content, hexadecimal.
        commit: the revision the server says it served (`X-Repo-Commit`), if it says.
    """

    path: Path
    size: int
    sha256: str
    commit: str | None


def download(
    url: str,
    target: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    policy: Policy | None = None,
    by_hand: str = "give the file's path",
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> Fetched:
    """Fetch `url` into `target`, going on where an earlier try stopped.

    Proxies come from the environment (`https_proxy`, `no_proxy`, …). No credentials are sent.

    Args:
        url: http or https address.
        target: file to write; its folder is created, an existing file is replaced at the end.
        size: bytes expected, if known; else what the hub announces.
        sha256: hash expected, if known; else what the hub announces.
        policy: timeouts and retries.
        by_hand: what to do with a file downloaded by hand, said where the server is unreachable.
        progress: called with (bytes here, bytes in all; 0 where unknown).
        cancelled: asked for every chunk; the part that came is kept for the next try.

    Raises:
        DownloadError: unreachable, refused, not what was expected, or no room for it.
        CancelledError: `cancelled` said so.
    """
    transfer = _Transfer(url, Path(target), policy or Policy())
    transfer.size, transfer.sha256 = size, sha256
    transfer.progress, transfer.cancelled = progress, cancelled
    transfer.by_hand = by_hand
    return transfer.run()


def hash_file(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with open(path, "rb") as file:
        return hash_stream(file)


class _Transfer:
    """One download: the file so far, and what the server has said about it."""

    size: int | None
    sha256: str | None
    progress: Progress | None
    cancelled: Cancelled | None
    by_hand: str

    def __init__(self, url: str, target: Path, policy: Policy) -> None:
        self.url, self.target, self.policy = check_url(url), target, policy
        self.part = target.with_name(target.name + ".part")
        self.state = target.with_name(target.name + ".part.json")
        self.commit: str | None = None
        self.received = 0

    def run(self) -> Fetched:
        try:
            self.target.parent.mkdir(parents=True, exist_ok=True)
            with open(self.part, "ab") as file, _locked(file, self.part):
                self._fetch(file)
                file.flush()
                os.fsync(file.fileno())
                fetched = self._check()
            os.replace(self.part, self.target)
            self.state.unlink(missing_ok=True)
        except OSError as error:
            raise _disk_error(error, self.target) from error
        return fetched

    def _fetch(self, file: IO[bytes]) -> None:
        failures = 0
        while True:
            before = self.received
            try:
                return self._attempt(file)
            except TransientError as fault:
                failures = 1 if self.received > before else failures + 1
                if failures >= self.policy.attempts:
                    raise DownloadError(
                        f"{host_of(self.url)}: {fault} ({failures} tries); try again later: "
                        "what has arrived is kept"
                    ) from fault
                usual = self.policy.backoff * 2 ** (failures - 1)
                self._pause(min(usual if fault.wait is None else fault.wait, _LONGEST_WAIT))

    def _attempt(self, file: IO[bytes]) -> None:
        have = self._resume_point(file)
        headers = {"User-Agent": f"satclip-embeddings/{__version__}", "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if self._state().get("validator"):
                headers["If-Range"] = self._state()["validator"]
        request = urllib.request.Request(self.url, headers=headers)
        redirects = Redirects()
        try:
            with open_url(request, redirects, self.policy.timeout) as answer:
                redirects.note(answer.headers)
                self._learn(redirects.hub)
                start, total = self._start(answer, have, file)
                self._receive(answer, file, start, total)
        except urllib.error.HTTPError as error:
            self._refused(error, file)
        except urllib.error.URLError as error:
            self._unreachable(error.reason)
        except http.client.HTTPException as error:
            raise TransientError(f"broken answer ({error!r})") from error

    def _resume_point(self, file: IO[bytes]) -> int:
        """Bytes already here that may be kept; the part is emptied where it may not."""
        have = os.fstat(file.fileno()).st_size
        state = self._state()
        trusted = state.get("url") == self.url and (state.get("validator") or self.sha256)
        too_long = self.size is not None and have >= self.size
        if have and (not trusted or too_long):
            file.truncate(0)
            return 0
        return have

    def _start(self, answer: Any, have: int, file: IO[bytes]) -> tuple[int, int | None]:
        """Where the body begins and how long the whole file is."""
        if answer.headers.get("Content-Encoding", "identity") not in ("", "identity"):
            raise DownloadError(f"{host_of(self.url)} sent the file compressed, unasked")
        length = number(answer.headers.get("Content-Length"))
        if answer.status == 206:
            start, total = content_range(answer.headers.get("Content-Range", ""))
            validator = self._state().get("validator")
            if start != have or (validator and validator_of(answer.headers) not in ("", validator)):
                self._forget(file)
                raise TransientError("the file on the server has changed", wait=0)
        else:
            start, total = 0, length
            file.truncate(0)
            self._remember(answer.headers)
        if total is not None and self.size not in (None, total):
            self._forget(file)
            raise DownloadError(
                f"{host_of(self.url)} offers {total:,} bytes instead of {self.size:,}"
                f"{page_hint(answer.headers)}: not the file that was expected"
            )
        self._check_space((total or self.size or 0) - start)
        return start, total if total is not None else self.size

    def _receive(self, answer: Any, file: IO[bytes], start: int, total: int | None) -> None:
        done = start
        while True:
            if self.cancelled is not None and self.cancelled():
                raise CancelledError("the download was stopped; the part that came is kept")
            if self.progress is not None:
                self.progress(done, total or 0)
            try:
                chunk = answer.read1(_CHUNK)
            except OSError as error:
                raise TransientError(f"connection lost at {done:,} bytes ({error})") from error
            if not chunk:
                break
            done += len(chunk)
            if total is not None and done > total:
                self._forget(file)
                raise DownloadError(f"{host_of(self.url)} sent more than the {total:,} bytes due")
            file.write(chunk)
            self.received += len(chunk)
        file.flush()
        if total is not None and done < total:
            raise TransientError(f"the connection closed after {done:,} of {total:,} bytes")

    def _check(self) -> Fetched:
        size = os.path.getsize(self.part)
        digest = hash_file(self.part)
        for what, expected, found in (
            ("bytes", self.size, size),
            ("SHA-256", self.sha256, digest),
        ):
            if expected is not None and expected != found:
                self.part.unlink()
                self.state.unlink(missing_ok=True)
                raise DownloadError(
                    f"{self.target.name} from {host_of(self.url)} is not the file expected "
                    f"({what} {found} instead of {expected}): it was thrown away"
                )
        return Fetched(self.target, size, digest, self.commit)

    def _learn(self, hub: dict[str, str]) -> None:
        """Take commit, size and hash from the hub where nothing else was known."""
        self.commit = hub.get("X-Repo-Commit", self.commit)
        linked = hub.get("X-Linked-ETag", "").strip('"').lower()
        if self.sha256 is None and len(linked) == 64 and set(linked) <= set("0123456789abcdef"):
            self.sha256 = linked
        if self.size is None:
            self.size = number(hub.get("X-Linked-Size"))

    def _refused(self, error: urllib.error.HTTPError, file: IO[bytes]) -> None:
        host = host_of(error.url or self.url)
        answer = f"{error.code} {http.client.responses.get(error.code, '')}".strip()
        if error.code == 416:  # the part is longer than the file, or the file has changed
            self._forget(file)
            raise TransientError("the file on the server has changed", wait=0) from error
        if error.code in _TRANSIENT_STATUS:
            wait = number(error.headers.get("Retry-After"))
            raise TransientError(f"{host} answered {answer}", wait=wait) from error
        if error.code == 407:
            raise DownloadError(
                "the proxy wants a user name and password: give them in https_proxy"
            ) from error
        follow = ": its redirect is not followed" if 300 <= error.code < 400 else ""
        raise DownloadError(f"{bare(error.url or self.url)} answered {answer}{follow}") from error

    def _unreachable(self, reason: str | BaseException) -> None:
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise DownloadError(
                f"the certificate of {host_of(self.url)} is not trusted ({reason.verify_message}); "
                "name your organisation's certificates in SSL_CERT_FILE"
            )
        if self.received or isinstance(reason, ConnectionResetError):
            raise TransientError(f"cannot connect ({reason})")
        raise DownloadError(
            f"cannot reach {host_of(self.url)}{by_proxy(self.url)} ({plain_reason(reason)}): check "
            "the connection and the proxy variables (https_proxy, no_proxy), or download "
            f"{bare(self.url)} by hand and {self.by_hand}"
        )

    def _check_space(self, needed: int) -> None:
        free = shutil.disk_usage(self.target.parent).free
        if needed > 0 and free < needed + _SPARE_BYTES:
            raise DownloadError(
                f"{self.target.parent} has {free / 1e6:,.0f} MB free, {needed / 1e6:,.0f} MB are "
                "needed: make room, or name another folder in SATCLIP_CACHE"
            )

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.cancelled is not None and self.cancelled():
                raise CancelledError("the download was stopped; the part that came is kept")
            time.sleep(min(left, 0.2))

    def _state(self) -> dict[str, str]:
        try:
            state = json.loads(self.state.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return state if isinstance(state, dict) else {}

    def _remember(self, headers: http.client.HTTPMessage) -> None:
        state = {"url": self.url, "validator": validator_of(headers)}
        self.state.write_text(json.dumps(state), "utf-8")

    def _forget(self, file: IO[bytes]) -> None:
        file.truncate(0)
        self.state.unlink(missing_ok=True)


@contextmanager
def _locked(file: IO[bytes], part: Path) -> Iterator[None]:
    """Keep a second process off the same part (where the system has flock)."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DownloadError(f"another fetch of {part.stem} is under way: wait for it") from error
    except OSError:  # a network folder without locks
        pass
    yield


def _disk_error(error: OSError, target: Path) -> DownloadError:
    if error.errno == errno.ENOSPC:
        return DownloadError(f"no space left in {target.parent} for {target.name}")
    return DownloadError(f"cannot write {target}: {error.strerror or error}")


class TransientError(Exception):
    """A fault that may pass: worth another try after `wait` seconds (None: the usual backoff)."""

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects within http(s), never down from https, without any credentials."""

    def __init__(self) -> None:
        self.hub: dict[str, str] = {}

    def note(self, headers: Any) -> None:
        """Keep what the hub says about the file; the first answer counts."""
        for name in _HUB_HEADERS:
            if headers.get(name):
                self.hub.setdefault(name, headers[name])

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        """The request to follow with, without headers that are not for the new host."""
        self.note(headers)
        old, new = urlsplit(req.full_url).scheme, urlsplit(newurl).scheme
        if new not in ("http", "https") or (old, new) == ("https", "http"):
            raise DownloadError(
                f"{host_of(req.full_url)} redirects to {bare(newurl)}: not followed"
            )
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None:
            for name in set(request.headers):
                if name.lower() not in _REDIRECTED_HEADERS:
                    request.remove_header(name)
        return request


def open_url(request: urllib.request.Request, redirects: Redirects, timeout: float) -> Any:
    """Send a request, by the proxy of the environment; the answer is a context manager.

    Raises:
        TransientError: connected, but no answer came.
        urllib.error.URLError: no connection, or (HTTPError) an answer that is a refusal.
        DownloadError: a redirect that is not followed.
    """
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
        redirects,
    ):
        opener.add_handler(handler)
    try:
        return opener.open(request, timeout=timeout)
    except urllib.error.URLError:
        raise
    except OSError as error:  # a timeout or reset while waiting for the first line
        raise TransientError(f"no answer ({error})") from error


def check_url(url: str) -> str:
    """The address itself, if it is http(s) and carries no credentials."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, a broken IPv6 address
        usable = False
    if not usable:
        raise DownloadError(f"{url!r} is not an http(s) address")
    if parts.username or parts.password:
        raise DownloadError(f"{bare(url)}: an address with a user name or password is not used")
    return url


def host_of(url: str) -> str:
    """Host, and port where one is given."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)


def bare(url: str) -> str:
    """An address without what may be secret: user, password, signature."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{host_of(url)}{parts.path}"


def by_proxy(url: str) -> str:
    """A remark naming the proxy that the environment gives for this address, if any."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if not proxy or urllib.request.proxy_bypass(str(parts.hostname)):
        return ""
    return f" through the proxy {host_of(proxy if '//' in proxy else f'http://{proxy}')}"


def plain_reason(reason: str | BaseException) -> str:
    """Why a connection failed, in plain words."""
    if isinstance(reason, socket.gaierror):
        return "its name is not found"
    return str(getattr(reason, "strerror", None) or reason)


def page_hint(headers: Any) -> str:
    """A remark where a web page came instead of a file."""
    kind = headers.get_content_type()
    return " (a web page: a login or a proxy in between?)" if kind == "text/html" else ""


def validator_of(headers: Any) -> str:
    """What may stand in If-Range (RFC 9110, 13.1.5): a strong ETag, else Last-Modified."""
    etag = str(headers.get("ETag", ""))
    return etag if etag.startswith('"') else str(headers.get("Last-Modified", ""))


def number(text: str | None) -> int | None:
    """A header as an integer, None where it is none."""
    return int(text) if text is not None and text.strip().isdecimal() else None


def content_range(text: str) -> tuple[int, int | None]:
    """Start and total of `bytes 5-9/10`; (-1, None) where it says neither."""
    span, _, total = text.removeprefix("bytes ").partition("/")
    start = number(span.partition("-")[0])
    return -1 if start is None else start, number(total)
