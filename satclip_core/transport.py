"""HTTP(S) for `download`: an opener that keeps secrets at home, and readers of headers."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from .errors import DownloadError

# Sent on to the host of a redirect; anything else (a proxy's password, say) stays behind.
_REDIRECTED_HEADERS = frozenset({"user-agent", "accept-encoding", "range", "if-range"})
# What the Hugging Face hub says on its own answer, before it redirects to its CDN.
_HUB_HEADERS = ("X-Repo-Commit", "X-Linked-Size", "X-Linked-ETag")


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
