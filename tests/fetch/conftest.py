"""A server on this machine that can misbehave in all the ways that a test asks for."""

import hashlib
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from pcam_core.fetch import download


@dataclass
class Answer:
    """How one request is answered; by default as a good server does.

    Attributes:
        cut: Bytes of the body after which the connection is closed.
        body: Other bytes than the file's.
        pause: Seconds between pieces of the body.
    """

    status: int = 0
    cut: int | None = None
    body: bytes | None = None
    ranges: bool = True
    etag: str | None = '"one"'
    heed_if_range: bool = True
    location: str | None = None
    length: bool = True
    pause: float = 0


@dataclass
class Server:
    address: str
    files: dict[str, bytes] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)  # for the next requests, in order
    usual: Answer = field(default_factory=Answer)
    asked: list[dict] = field(default_factory=list)
    posts: list[int] = field(default_factory=list)  # statuses of the next POSTs; 302 leads to GET
    authorized: list[str | None] = field(default_factory=list)

    def remote(self, name, content, **fields):
        """Serve `content`, and return what describes it."""
        self.files[f"/{name}"] = content
        known = {"checksum": hashlib.md5(content).hexdigest(), "size": len(content)}
        return download.RemoteFile(name, f"{self.address}/{name}", **(known | fields))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        server = self.server.told
        answer = server.answers.pop(0) if server.answers else server.usual
        server.asked.append({name: self.headers[name] for name in ("Range", "If-Range")})
        content = server.files[self.path.split("?")[0]] if answer.body is None else answer.body
        if answer.location or answer.status >= 400:
            return self.reply(answer.status or 302, {"Location": answer.location}, b"", answer)
        headers = {"ETag": answer.etag, "Accept-Ranges": "bytes" if answer.ranges else None}
        asked = self.headers["Range"]
        condition = self.headers["If-Range"]
        same = not answer.heed_if_range or condition in (None, answer.etag)
        if not (asked and answer.ranges and same):
            return self.reply(200, headers, content, answer)
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            headers["Content-Range"] = f"bytes */{len(content)}"
            return self.reply(416, headers, b"", answer)
        headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        return self.reply(206, headers, content[start:], answer)

    def do_POST(self):
        """What Kaggle does: lead to an archive in Google's storage, or refuse."""
        server = self.server.told
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        server.authorized.append(self.headers["Authorization"])
        status = server.posts.pop(0) if server.posts else 302
        self.reply(status, {"Location": f"{server.address}/archive.zip"}, b"", Answer())

    def reply(self, status, headers, body, answer):
        self.send_response(status)
        for name, value in headers.items():
            if value is not None:
                self.send_header(name, value)
        if answer.length:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        sent = body if answer.cut is None else body[: answer.cut]
        try:
            for start in range(0, len(sent), 1 << 16):
                self.wfile.write(sent[start : start + (1 << 16)])
                self.wfile.flush()
                time.sleep(answer.pause)
        except OSError:  # the client has gone
            pass

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(download, "WAITS", (0.0, 0.0, 0.0))
    monkeypatch.setattr(download, "TIMEOUT", 2.0)
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.daemon_threads = True
    listener.told = Server(f"http://127.0.0.1:{listener.server_port}")
    Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield listener.told
    listener.shutdown()
    listener.server_close()


@pytest.fixture
def answer():
    return Answer
