"""A model hub and an HTTP proxy on real local sockets, with the faults that real ones have."""

from __future__ import annotations

import hashlib
import http.client
import ssl
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Request:
    path: str
    headers: dict[str, str]


@dataclass
class Hub:
    """Serves /…/resolve/REV/NAME by a redirect to /cdn/NAME?signature, as the real hub does.

    `faults` holds what goes wrong with the next requests to the CDN, in order: "500", "404",
    "reset", "cut:N" (close after N bytes of body), "whole" (Range ignored), "html", "slow" (a few
    bytes at a time), "hold:N" (the same, and nothing more after N bytes until the client hangs
    up), "endless" (no length, and more than there is).
    """

    files: dict[str, bytes] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    log: list[Request] = field(default_factory=list)
    etag: bool = True
    linked: bool = True
    cdn: str = ""
    url: str = ""

    def asked(self, prefix: str) -> list[Request]:
        return [request for request in self.log if request.path.startswith(prefix)]


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass  # a client that hangs up is what some tests are about


class Server:
    """An HTTP server in a thread, closed at the end of a `with` block."""

    def __init__(
        self, handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None
    ) -> None:
        self.server = QuietServer(("127.0.0.1", 0), handler)
        port = self.server.server_address[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)

    def __enter__(self) -> Server:
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class Quiet(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def hub_handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(Quiet):
        def do_GET(self) -> None:
            hub.log.append(Request(self.path, dict(self.headers)))
            name = urlsplit(self.path).path.rpartition("/")[2]
            if name not in hub.files:
                self.answer(404, {}, b"not here")
            elif "/resolve/" in self.path:
                self.redirect(name)
            else:
                self.serve(name, hub.faults.pop(0) if hub.faults else "")

        def redirect(self, name: str) -> None:
            headers = {"Location": f"{hub.cdn or hub.url}/cdn/{name}?Signature=secret"}
            if hub.linked:
                headers["X-Repo-Commit"] = COMMIT
                headers["X-Linked-Size"] = str(len(hub.files[name]))
                headers["X-Linked-ETag"] = f'"{hashlib.sha256(hub.files[name]).hexdigest()}"'
            self.answer(302, headers)

        def serve(self, name: str, fault: str) -> None:
            body = hub.files[name]
            if fault.isdecimal():
                return self.answer(int(fault), {"Retry-After": "0"}, b"an error")
            if fault == "html":
                return self.answer(200, {"Content-Type": "text/html"}, b"<html>log in</html>")
            if fault == "reset":
                return self.hang_up()
            etag = f'"{hashlib.md5(body).hexdigest()}"'
            headers = {"Accept-Ranges": "bytes", **({"ETag": etag} if hub.etag else {})}
            start = self.range_start(etag) if fault != "whole" else 0
            if start >= len(body) and start:
                return self.answer(416, {"Content-Range": f"bytes */{len(body)}"})
            if start:
                headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            return self.send_body(206 if start else 200, headers, body[start:], fault)

        def range_start(self, etag: str) -> int:
            wanted = self.headers.get("Range", "")
            condition = self.headers.get("If-Range")
            if not wanted or (condition is not None and condition != etag):
                return 0
            return int(wanted.removeprefix("bytes=").rstrip("-"))

        def send_body(self, status: int, headers: dict[str, str], body: bytes, fault: str) -> None:
            self.send_response(status)
            length = {} if fault == "endless" else {"Content-Length": str(len(body))}
            for key, value in {**length, **headers}.items():
                self.send_header(key, value)
            self.end_headers()
            if fault.startswith("cut:"):
                self.wfile.write(body[: int(fault[4:])])
                return self.hang_up()
            if fault.startswith("hold:"):
                self.trickle(body[: int(fault[5:])])
                self.rfile.read(1)
                return self.hang_up()
            if fault == "slow":
                return self.trickle(body)
            if fault == "endless":
                self.wfile.write(body * 2)
                return self.hang_up()
            self.wfile.write(body)
            return None

        def trickle(self, body: bytes) -> None:
            for start in range(0, len(body), 5000):
                self.wfile.write(body[start : start + 5000])
                self.wfile.flush()
                time.sleep(0.05)

        def hang_up(self) -> None:
            self.wfile.flush()
            self.close_connection = True

    return Handler


def proxy_handler(log: list[Request]) -> type[BaseHTTPRequestHandler]:
    """A forwarding proxy: takes absolute addresses, passes the answer on."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            log.append(Request(self.path, dict(self.headers)))
            target = urlsplit(self.path)
            connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=10)
            onward = {k: v for k, v in self.headers.items() if not k.lower().startswith("proxy-")}
            connection.request("GET", f"{target.path}?{target.query}".rstrip("?"), headers=onward)
            reply = connection.getresponse()
            body = reply.read()
            headers = {k: v for k, v in reply.getheaders() if k.lower() != "transfer-encoding"}
            self.answer(reply.status, headers, body)

    return Handler
