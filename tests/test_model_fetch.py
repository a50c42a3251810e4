"""From an address to a bundle, over servers that are slow, cut off, lie or are not there."""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typer.testing import CliRunner

import mdjpt.bundle.download
import mdjpt.guard.download
from app.cli.main import cli
from mdjpt.bundle.bundle import load_bundle
from mdjpt.bundle.download import download_checkpoint
from mdjpt.errors import ModelError
from tests.support.golden import write_checkpoint


def git_blob_id(content):
    """Return what git calls a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves one file; each request takes the next manner, the last one for ever."""

    def __init__(self, content: bytes, *manners: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content, self.manners, self.ranges = content, list(manners), []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/epoch=19.ckpt"

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up is no news."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        manner = server.manners.pop(0) if len(server.manners) > 1 else server.manners[0]
        asked = self.headers.get("Range")
        server.ranges.append(asked)
        if manner == "missing":
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        start = 0 if manner == "whole" else start
        content = server.content[start:]
        self.send_response(206 if start else 200)
        length = 1 << 40 if manner == "boasts" else len(content)
        if manner != "endless":
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if manner == "lies":
            content = bytes(len(content))
        while manner == "endless":
            self.wfile.write(bytes(1 << 20))
        self.wfile.write(content[: len(content) // 2] if manner == "cut" else content)

    def log_message(self, *_) -> None:
        """Stay silent."""


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("ckpt") / "epoch=19.ckpt").read_bytes()


@pytest.fixture
def serve(monkeypatch):
    monkeypatch.setattr(mdjpt.guard.download, "PAUSE_S", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    servers = []

    def start(content: bytes, *manners: str) -> Server:
        servers.append(Server(content, *manners))
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_download_that_is_cut_off_goes_on_where_it_ended(serve, tmp_path):
    content = bytes(range(256)) * 1000
    server = serve(content, "cut", "cut", "good")
    seen = []
    path = download_checkpoint(
        tmp_path / "new" / "a.ckpt", server.url, git_blob_id(content), lambda *now: seen.append(now)
    )
    assert path.read_bytes() == content
    assert server.ranges == [None, "bytes=122880-", "bytes=188416-"]
    assert seen[-1] == (len(content), len(content))
    assert list(path.parent.iterdir()) == [path]
    assert download_checkpoint(path, server.url, git_blob_id(content)) == path
    assert len(server.ranges) == 3


def test_a_server_that_begins_anew_is_followed(serve, tmp_path):
    content = bytes(range(256)) * 1000
    server = serve(content, "cut", "whole")
    path = download_checkpoint(tmp_path / "a.ckpt", server.url, git_blob_id(content))
    assert path.read_bytes() == content


def test_what_has_come_is_kept_for_the_next_call(serve, tmp_path, monkeypatch):
    content = bytes(range(256)) * 1000
    monkeypatch.setattr(mdjpt.guard.download, "TRIES", 0)
    with pytest.raises(ModelError, match="122,880 bytes are kept, the same command goes on"):
        download_checkpoint(tmp_path / "a", serve(content, "cut").url, git_blob_id(content))
    server = serve(content, "good")
    download_checkpoint(tmp_path / "a", server.url, git_blob_id(content))
    assert server.ranges == ["bytes=122880-"]


@pytest.mark.parametrize(
    ("manner", "says"),
    [
        ("lies", "not the file asked for"),
        ("boasts", "1,099,511,627,776 bytes, more than the"),
        ("endless", "more than the 1,048,576 bytes expected"),
        ("missing", "the server answered 404"),
    ],
)
def test_a_server_that_lies_is_told_and_leaves_nothing(serve, tmp_path, monkeypatch, manner, says):
    if manner == "endless":
        monkeypatch.setattr(mdjpt.bundle.download, "MAX_BYTES", 1 << 20)
    with pytest.raises(ModelError, match=says):
        download_checkpoint(tmp_path / "a", serve(b"weights" * 100, manner).url, git_blob_id(b"?"))
    assert not (tmp_path / "a").exists()
    assert manner == "endless" or not list(tmp_path.glob("*.part"))


def test_a_server_that_says_nothing_is_given_up(serve, tmp_path, monkeypatch):
    import socket

    monkeypatch.setattr(mdjpt.guard.download, "READ_S", 0.05)
    monkeypatch.setattr(mdjpt.guard.download, "PAUSE_S", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/"
        with pytest.raises(ModelError, match=r"no answer for 0\.05 s"):
            download_checkpoint(tmp_path / "a", url, git_blob_id(b""))


def test_without_a_connection_there_is_one_line(serve, tmp_path):
    server = serve(b"", "good")
    server.shutdown()
    server.server_close()
    with pytest.raises(ModelError, match="no connection: offline"):
        download_checkpoint(tmp_path / "a", server.url, git_blob_id(b""))
    with pytest.raises(ModelError, match="no address that starts with https"):
        download_checkpoint(tmp_path / "a", "file:///etc/passwd", git_blob_id(b""))


def test_the_command_asks_for_the_terms_then_writes_a_bundle(serve, content, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    server = serve(content, "cut", "good")
    out = tmp_path / "released.safetensors"
    words = ["model", "fetch", "released", "--url", server.url, "--out", str(out)]
    words += ["--blob", git_blob_id(content)]
    refused = CliRunner().invoke(cli, words)
    assert isinstance(refused.exception, ModelError)
    assert "They state no licence" in refused.stderr
    assert server.ranges == []
    with_path = CliRunner().invoke(cli, [*words, "--accept", "--blob", "../../x"])
    assert "40 hexadecimal digits" in str(with_path.exception)
    done = CliRunner().invoke(cli, [*words, "--accept"])
    assert done.exception is None
    assert "imported, verified" in done.stdout
    assert load_bundle(out).licence.startswith("none stated")
