"""A proxy in front of an S3 server that fails on command.

It runs in threads of the test process, answers or damages the next requests that a `Fault` picks
and passes the rest on. Each fault is used up after a number of requests, so a test says exactly how
often something goes wrong; the list of requests that arrived shows what the client made of it.
"""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

FOREVER = 1_000_000_000

# Meaningful between two neighbours only, so never passed on.
_HOP = frozenset({"connection", "expect", "keep-alive", "transfer-encoding", "host"})


@dataclass
class Fault:
    """What to do to the next `times` requests whose method and target match."""

    times: int
    method: str = ""
    target: str = ""
    status: int = 0
    """Answer with this status and an error document instead of asking the server."""
    code: str = ""
    cut_response: int = -1
    """Send this many bytes of the body of the answer, then reset the connection."""
    cut_request: int = -1
    """Read this many bytes of the body of the request, then reset the connection."""
    delay: float = 0.0

    def picks(self, method: str, target: str) -> bool:
        return self.times > 0 and self.method in ("", method) and self.target in target


@dataclass
class Faults:
    """The proxy: its address, its faults, and the requests it has seen as (method, target)."""

    upstream: tuple[str, int]
    seen: list[tuple[str, str]] = field(default_factory=list)
    _faults: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.faults = self
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def refuse(
        self,
        times: int,
        status: int = 503,
        code: str = "SlowDown",
        method: str = "",
        target: str = "",
    ) -> None:
        """Answers with an error document of S3."""
        self._add(Fault(times, method, target, status=status, code=code))

    def cut_response(self, times: int, after: int, method: str = "GET", target: str = "") -> None:
        """Resets the connection in the middle of an answer."""
        self._add(Fault(times, method, target, cut_response=after))

    def cut_request(self, times: int, after: int, method: str = "PUT", target: str = "") -> None:
        """Resets the connection in the middle of a request."""
        self._add(Fault(times, method, target, cut_request=after))

    def delay(self, times: int, seconds: float, method: str = "", target: str = "") -> None:
        """Lets a request wait before it is passed on."""
        self._add(Fault(times, method, target, delay=seconds))

    def count(self, method: str, target: str = "") -> int:
        """How many such requests have arrived."""
        return sum(seen == method and target in where for seen, where in self.seen)

    def clear(self) -> None:
        """Back to a proxy that only passes on."""
        with self._lock:
            self._faults.clear()
            self.seen.clear()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _add(self, fault: Fault) -> None:
        with self._lock:
            self._faults.append(fault)

    def take(self, method: str, target: str) -> Fault | None:
        with self._lock:
            self.seen.append((method, target))
            for fault in self._faults:
                if fault.picks(method, target):
                    fault.times -= 1
                    return fault
        return None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    faults: Faults

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that gives up on a connection is part of the game."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_request(self) -> None:
        fault = self.server.faults.take(self.command, self.path)
        if fault and fault.cut_request >= 0:
            self.rfile.read(min(fault.cut_request, int(self.headers.get("Content-Length", 0))))
            self._reset()
            return
        body = self._body()
        if fault and fault.delay:
            time.sleep(fault.delay)
        if fault and fault.status:
            self._refuse(fault)
            return
        self._pass_on(body, fault.cut_response if fault else -1)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_request

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return body

    def _refuse(self, fault: Fault) -> None:
        document = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f"<Error><Code>{fault.code}</Code><Message>as the test wants it</Message></Error>"
        ).encode()
        self.send_response(fault.status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(document)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(document)

    def _pass_on(self, body: bytes, cut: int) -> None:
        upstream = http.client.HTTPConnection(*self.server.faults.upstream, timeout=60)
        try:
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            upstream.putheader("Host", self.headers["Host"])
            for name, value in self.headers.items():
                if name.lower() not in _HOP | {"content-length"}:
                    upstream.putheader(name, value)
            upstream.putheader("Content-Length", str(len(body)))
            upstream.endheaders(body)
            answer = upstream.getresponse()
            self._answer(answer, answer.read(), cut)
        finally:
            upstream.close()

    def _answer(self, answer: http.client.HTTPResponse, content: bytes, cut: int) -> None:
        self.send_response_only(answer.status, answer.reason)
        for name, value in answer.getheaders():
            if name.lower() not in _HOP | {"content-length"}:
                self.send_header(name, value)
        # A HEAD has the length of what a GET would bring.
        told = answer.getheader("Content-Length") if self.command == "HEAD" else None
        self.send_header("Content-Length", told or str(len(content)))
        self.end_headers()
        if cut < 0:
            self.wfile.write(content)
        else:
            self.wfile.write(content[:cut])
            self._reset()

    def _reset(self) -> None:
        self.wfile.flush()
        # Zero linger turns closing into a reset, as a crashed host or a firewall does it.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True
