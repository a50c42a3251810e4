"""Open datasets come from an archive, checked, resumed and with their licence into the store."""

from __future__ import annotations

import hashlib
import json
import threading
from collections import namedtuple
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typer.testing import CliRunner

import mdjpt.datasets.fetch
import mdjpt.guard.download
from app.cli.main import cli
from mdjpt.datasets.fetch import OPEN_SETS, fetch, list_files
from mdjpt.errors import DatasetError, MdjptError
from mdjpt.store.store import open_store
from tests.test_datasets_generic import write_bids

MUSIC = OPEN_SETS["affective-music"]


class Archive(ThreadingHTTPServer):
    """Serves the files of a folder as NEMAR does; `changes` is laid over its answers."""

    def __init__(self, folder) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }
        self.asked, self.cut_once, self.changes = [], set(), {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def manifest(self):
        algorithms = ("md5", "sha256", "git")
        entries = []
        for k, (path, content) in enumerate(self.content.items()):
            algorithm = algorithms[k % 3]
            head = b"blob %d\0" % len(content) if algorithm == "git" else b""
            kind = "sha1" if algorithm == "git" else algorithm
            entries.append(
                {
                    "path": path,
                    "size": len(content),
                    "bytes_url": f"{self.url}/file/{path}",
                    "url": "expires",
                    "checksum": hashlib.new(kind, head + content).hexdigest(),
                    "checksum_algorithm": algorithm,
                }
            )
        return entries

    def handle_error(self, request, client_address) -> None:
        """A client that hangs up is no news."""


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server, start = self.server, 0
        server.asked.append(self.path)
        if self.path in server.changes:
            content = server.changes[self.path]
        elif self.path.startswith("/file/"):
            name = self.path.removeprefix("/file/")
            asked = self.headers.get("Range")
            start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
            content = server.content[name][start:]
            if name in server.cut_once:
                server.cut_once.discard(name)
                self.answer(200, content, content[: len(content) // 2])
                return
        elif self.path == f"/{MUSIC.id}/":
            content = json.dumps({"latest": "v1.0.2"}).encode()
        elif self.path == f"/{MUSIC.id}/v1.0.2/manifest.json":
            content = json.dumps(server.manifest()).encode()
        else:
            self.send_error(404)
            return
        self.answer(206 if start else 200, content, content)

    def answer(self, status, whole, sent) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(whole)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_) -> None:
        """Stay silent."""


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bids")
    write_bids(folder, ("01", "02", "03"))
    about = {"Name": "Music", "BIDSVersion": "1.0.2", "License": "CC0"}
    (folder / "dataset_description.json").write_text(json.dumps(about))
    (folder / "derivatives/sub-01").mkdir(parents=True)
    (folder / "derivatives/sub-01/cleaned.npy").write_bytes(bytes(100))
    return folder


@pytest.fixture
def archive(tree, monkeypatch):
    monkeypatch.setattr(mdjpt.guard.download, "PAUSE_S", 0.0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Archive(tree)
    yield server
    server.shutdown()
    server.server_close()


def test_some_people_are_fetched_and_their_licence_goes_into_the_store(archive, tree, tmp_path):
    archive.cut_once = {name for name in archive.content if name.endswith(".edf")}
    raw = tmp_path / "raw"
    words = ["data", "fetch", MUSIC.name, "--subjects", "1-2", "--url", archive.url]
    ran = CliRunner().invoke(cli, [*words, "--out", str(raw)])
    assert ran.exception is None, ran.exception
    assert "licence CC-BY-4.0, https://openneuro.org/datasets/ds002721" in ran.stdout
    assert "every checksum right; next: mdjpt data prepare bids" in ran.stdout
    fetched = {str(p.relative_to(raw)) for p in raw.rglob("*") if p.is_file()}
    there = {str(p.relative_to(tree)) for p in tree.rglob("*") if p.is_file()}
    others = {name for name in there if "sub-03" in name or name.startswith("derivatives")}
    assert fetched == there - others | {"fetched.json"}
    note = json.loads((raw / "fetched.json").read_text())
    assert (note["version"], note["subjects"]) == ("v1.0.2", ["01", "02"])
    assert note["licence"] == "CC-BY-4.0; its description: CC0"
    prepare = ["data", "prepare", "bids", "--raw", str(raw), "--out", str(tmp_path / "store")]
    done = CliRunner().invoke(cli, [*prepare, "--no-ica", "--no-reports"])
    assert done.exception is None, done.exception
    card = open_store(tmp_path / "store").card
    assert (card.name, card.title, card.url) == (MUSIC.name, MUSIC.title, MUSIC.url)
    assert card.licence.startswith("CC-BY-4.0; its description: CC0 (as fetched ")


def test_what_is_there_is_not_fetched_again_and_what_was_changed_is(archive, tmp_path):
    listing = list_files(MUSIC, "3", archive.url)
    fetch(MUSIC, listing, tmp_path)
    archive.asked.clear()
    seen = []
    fetch(MUSIC, listing, tmp_path, lambda done, total: seen.append((done, total)))
    assert archive.asked == []
    assert seen[-1] == (listing.n_bytes, listing.n_bytes)
    changed = next(tmp_path.rglob("*events.tsv"))
    before = changed.read_bytes()
    changed.write_bytes(b"x" * len(before))
    fetch(MUSIC, listing, tmp_path)
    assert changed.read_bytes() == before
    assert len(archive.asked) == 1


def test_nothing_is_fetched_that_was_only_asked_about(archive, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["data", "fetch", MUSIC.name, "--dry-run", "--url", archive.url]
    ran = CliRunner().invoke(cli, words)
    assert "0.000 GB into" in ran.stdout
    assert list(tmp_path.iterdir()) == []
    listed = CliRunner().invoke(cli, ["data", "fetch"])
    assert "CC-BY-4.0" in listed.stdout
    closed = CliRunner().invoke(cli, ["data", "fetch", "deap"])
    assert "not to be fetched; open are emoeeg-mc, faced" in str(closed.exception)


@pytest.mark.parametrize("stated", ["CC BY-NC 4.0", "", "ask us"])
def test_a_licence_that_is_not_open_ends_it(archive, tmp_path, stated):
    about = json.dumps({"Name": "Music", "License": stated}).encode()
    archive.content = archive.content | {"dataset_description.json": about}
    with pytest.raises(DatasetError, match=f"it now states the licence '{stated}', not CC-BY"):
        fetch(MUSIC, list_files(MUSIC, "1", archive.url), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["dataset_description.json"]


def test_where_a_dataset_states_no_licence_the_archive_does(archive, tmp_path):
    archive.content = archive.content | {"dataset_description.json": b'{"Name": "Music"}'}
    archive.changes[f"/{MUSIC.id}/metadata.json"] = b'{"license": "CC-BY-4.0"}'
    note = fetch(MUSIC, list_files(MUSIC, "1", archive.url), tmp_path)
    assert json.loads(note.read_text())["licence"] == "CC-BY-4.0"


def test_a_file_that_is_not_the_listed_one_is_removed_and_told(archive, tmp_path):
    name = next(name for name in archive.content if name.endswith(".edf"))
    listing = list_files(MUSIC, "1", archive.url)
    archive.changes[f"/file/{name}"] = bytes(len(archive.content[name]))
    with pytest.raises(DatasetError, match="not the file asked for"):
        fetch(MUSIC, listing, tmp_path)
    assert not (tmp_path / name).exists()
    assert not (tmp_path / "fetched.json").exists()
    del archive.changes[f"/file/{name}"]
    fetch(MUSIC, listing, tmp_path)
    assert (tmp_path / name).read_bytes() == archive.content[name]


@pytest.mark.parametrize("path", ["../evil", "/etc/evil", "sub-01/..\\evil", "a/../../evil"])
def test_no_file_is_written_outside_the_folder(archive, path):
    entries = archive.manifest()
    entries[0]["path"] = path
    archive.changes[f"/{MUSIC.id}/v1.0.2/manifest.json"] = json.dumps(entries).encode()
    with pytest.raises(DatasetError, match="outside the dataset"):
        list_files(MUSIC, "", archive.url)


@pytest.mark.parametrize(
    ("where", "answer", "says"),
    [
        ("", b"<html>", "no listing"),
        ("", b'{"latest": "../x"}', "names no version"),
        ("v1.0.2/manifest.json", b'[{"path": "a", "size": -1}]', "manifest.json"),
        ("v1.0.2/manifest.json", b"[]", "no recording"),
        ("v1.0.2/manifest.json", b"[3]", "manifest.json"),
    ],
)
def test_an_archive_that_answers_nonsense_is_told_in_one_line(archive, where, answer, says):
    archive.changes[f"/{MUSIC.id}/{where}"] = answer
    with pytest.raises(DatasetError, match=says) as told:
        list_files(MUSIC, "", archive.url)
    assert "\n" not in str(told.value)


def test_people_who_are_not_there_and_a_full_disk_are_said_before(archive, tmp_path, monkeypatch):
    with pytest.raises(DatasetError, match="no subject '9' in the archive"):
        list_files(MUSIC, "1,9", archive.url)
    with pytest.raises(DatasetError, match="--subjects takes 1-5"):
        list_files(MUSIC, "1;2", archive.url)
    listing = list_files(MUSIC, "", archive.url)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(mdjpt.datasets.fetch.shutil, "disk_usage", lambda _: usage(9, 9, 10))
    with pytest.raises(DatasetError, match=r"GB to come, only 0\.0 GB free"):
        fetch(MUSIC, listing, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_note_is_told(archive, tmp_path):
    fetch(MUSIC, list_files(MUSIC, "1", archive.url), tmp_path)
    (tmp_path / "fetched.json").write_text('{"licence": 3}')
    words = ["data", "prepare", "bids", "--raw", str(tmp_path), "--out", str(tmp_path / "store")]
    ran = CliRunner().invoke(cli, words)
    assert isinstance(ran.exception, MdjptError)
    assert "fetched.json" in str(ran.exception)
