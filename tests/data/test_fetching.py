"""Fetching, from loopback servers that go on, cut off, change and lie."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
import yaml

from recexplainer.cli import main
from recexplainer.data import fetching
from recexplainer.data.readers import read_folder
from recexplainer.errors import DataError, RecExplainerError, RunError
from recexplainer.progress import track_bytes

RECIPES = Path(__file__).resolve().parents[2] / "recipes"
NAME = "amazon-office-products"
REVIEWS, ITEMS = "Office_Products_5.json.gz", "meta_Office_Products.json.gz"
LINES = {
    REVIEWS: '{"reviewerID": "u", "asin": "1", "unixReviewTime": 2}\n{"reviewerID": "u", "asin": "2", '
    '"unixReviewTime": 1}\n',
    ITEMS: '{"asin": "1", "title": "Ash"}\n{"asin": "2", "title": "Birch"}\n',
}
AMAZON = {name: gzip.compress(text.encode(), mtime=0) for name, text in LINES.items()}


@dataclass
class Site:
    """A loopback server: files, how it misbehaves, and what it was asked."""

    files: dict[str, bytes]
    address: str = ""
    ranges: bool = True
    etag: str = '"one"'
    cut: dict[str, list[int]] = field(default_factory=dict)
    """By file, after how many bytes each answer in turn is cut off."""
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    """Names and ranges, in the order of asking."""

    def answer(self, ask: BaseHTTPRequestHandler) -> None:
        name, wished = ask.path.rpartition("/")[2], ask.headers["Range"]
        self.asked.append((name, wished))
        content = self.files.get(name)
        if content is None:
            ask.send_error(404)
            return
        start = 0
        if wished and self.ranges and ask.headers["If-Range"] in (None, self.etag):
            start = int(wished.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content) > 0:
            ask.send_response(416)
            ask.send_header("Content-Range", f"bytes */{len(content)}")
            ask.send_header("Content-Length", "0")
            ask.end_headers()
            return
        ask.send_response(206 if start else 200)
        if start:
            ask.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        ask.send_header("Content-Length", str(len(content) - start))
        ask.send_header("ETag", self.etag)
        ask.end_headers()
        cuts = self.cut.get(name)
        ask.wfile.write(content[start:][: cuts.pop(0)] if cuts else content[start:])

    def ranges_of(self, name: str) -> list[str | None]:
        return [wished for asked, wished in self.asked if asked == name]


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    site = Site(dict(AMAZON))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        site.address = f"http://127.0.0.1:{server.server_port}/mirror/"
        yield site
        server.shutdown()
        thread.join()


def movielens(extra: dict[str, str] | None = None) -> dict[str, bytes]:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as zipped:
        for name, text in {
            "ml-latest-small/ratings.csv": "userId,movieId,rating,timestamp\nu,1,5,2\nu,2,5,1\n",
            "ml-latest-small/movies.csv": "movieId,title,genres\n1,Ash,A|B\n2,Birch,A\n",
            "ml-latest-small/README.txt": "terms",
            **(extra or {}),
        }.items():
            zipped.writestr(name, text)
    archive = held.getvalue()
    published = f"MD5 (ml-latest-small.zip) = {hashlib.md5(archive).hexdigest()}\n"
    return {"ml-latest-small.zip": archive, "ml-latest-small.zip.md5": published.encode()}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fetch_error(name: str, folder: Path, site: Site, kind: type[RecExplainerError] = DataError) -> RecExplainerError:
    with pytest.raises(kind) as caught:
        fetching.fetch(name, folder, site.address)
    assert caught.value.hint
    return caught.value


def test_every_source_is_complete() -> None:
    for name, source in fetching.sources().items():
        assert all(address.startswith("https://") for address in source.files), name
        assert (RECIPES / f"{source.run.split()[0]}.yaml").is_file(), name
        archives = [address for address in source.files if address.endswith(".zip")]
        assert bool(archives) == bool(source.members), name
        assert len(source.terms) > len(source.licence) > 0


def test_files_come_whole_with_a_record_and_can_be_read(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "office"
    files = fetching.fetch(NAME, folder, site.address)
    assert {file.name: file.read_bytes() for file in files} == AMAZON
    assert names(folder) == sorted([*AMAZON, fetching.RECORD])
    assert set(read_folder(folder).titles) == {"Ash", "Birch"}
    record = yaml.safe_load((folder / fetching.RECORD).read_text())
    assert record["dataset"] == NAME
    assert "EMNLP" in record["licence"]
    came = record["downloads"][REVIEWS]
    assert came["address"] == site.address + REVIEWS
    assert came["bytes"] == len(AMAZON[REVIEWS])
    assert came["sha256"] == came["files"][REVIEWS] == hashlib.sha256(AMAZON[REVIEWS]).hexdigest()
    assert re.match(r"\d{4}-\d\d-\d\dT", came["date"])


def test_what_is_there_and_whole_is_not_fetched_again_and_what_was_changed_is(site: Site, tmp_path: Path) -> None:
    fetching.fetch(NAME, tmp_path, site.address)
    site.asked.clear()
    fetching.fetch(NAME, tmp_path, site.address)
    assert site.asked == []
    (tmp_path / REVIEWS).write_bytes(b"damaged")
    fetching.fetch(NAME, tmp_path, site.address)
    assert site.asked == [(REVIEWS, None)]
    assert (tmp_path / REVIEWS).read_bytes() == AMAZON[REVIEWS]


def test_a_cut_connection_is_taken_up_where_it_was_cut(site: Site, tmp_path: Path) -> None:
    site.cut = {ITEMS: [10, 5]}
    fetching.fetch(NAME, tmp_path, site.address)
    assert site.ranges_of(ITEMS) == [None, "bytes=10-", "bytes=15-"]
    assert (tmp_path / ITEMS).read_bytes() == AMAZON[ITEMS]
    assert names(tmp_path) == sorted([*AMAZON, fetching.RECORD])


def test_a_server_that_brings_nothing_more_ends_it_and_the_next_fetch_goes_on(site: Site, tmp_path: Path) -> None:
    site.cut = {ITEMS: [10, 0, 0]}
    assert "cut off after 10 bytes" in fetch_error(NAME, tmp_path, site).what
    assert names(tmp_path) == [f"{ITEMS}.part", f"{ITEMS}.part.from"]
    site.asked.clear()
    site.cut = {}
    fetching.fetch(NAME, tmp_path, site.address)
    assert site.ranges_of(ITEMS) == ["bytes=10-"]
    assert (tmp_path / ITEMS).read_bytes() == AMAZON[ITEMS]


def half(site: Site, folder: Path) -> None:
    """Leaves the first ten bytes of one file."""
    site.cut = {ITEMS: [10, 0, 0]}
    fetch_error(NAME, folder, site)
    site.cut, site.asked = {}, []


def test_another_version_on_the_server_starts_anew(site: Site, tmp_path: Path) -> None:
    half(site, tmp_path)
    site.etag, site.files[ITEMS] = '"two"', gzip.compress(b'{"asin": "1", "title": "Cedar"}\n', mtime=0)
    fetching.fetch(NAME, tmp_path, site.address)
    assert site.ranges_of(ITEMS) == ["bytes=10-"]
    assert (tmp_path / ITEMS).read_bytes() == site.files[ITEMS]


def test_a_server_without_ranges_starts_anew(site: Site, tmp_path: Path) -> None:
    half(site, tmp_path)
    site.ranges = False
    fetching.fetch(NAME, tmp_path, site.address)
    assert site.ranges_of(ITEMS) == ["bytes=10-"]
    assert (tmp_path / ITEMS).read_bytes() == AMAZON[ITEMS]


def test_a_server_without_ranges_that_always_cuts_ends(site: Site, tmp_path: Path) -> None:
    site.ranges, site.cut = False, {ITEMS: [10, 10, 10, 10]}
    assert "cut off" in fetch_error(NAME, tmp_path, site).what
    assert len(site.asked) == 2


def test_a_half_file_of_unknown_version_is_not_gone_on_with(site: Site, tmp_path: Path) -> None:
    (tmp_path / f"{ITEMS}.part").write_bytes(b"of what?")
    fetching.fetch(NAME, tmp_path, site.address)
    assert site.ranges_of(ITEMS) == [None]
    assert (tmp_path / ITEMS).read_bytes() == AMAZON[ITEMS]


@pytest.mark.parametrize("length", [0, 3])
def test_a_part_that_is_whole_or_too_long(length: int, site: Site, tmp_path: Path) -> None:
    part = tmp_path / f"{ITEMS}.part"
    part.write_bytes(AMAZON[ITEMS] + b"x" * length)
    (tmp_path / f"{ITEMS}.part.from").write_text(f"{site.address}{ITEMS}\n{site.etag}")
    fetching.fetch(NAME, tmp_path, site.address)
    assert (tmp_path / ITEMS).read_bytes() == AMAZON[ITEMS]
    assert len(site.ranges_of(ITEMS)) == (2 if length else 1)


def test_an_archive_is_checked_and_unpacked_without_its_folders(site: Site, tmp_path: Path) -> None:
    site.files = movielens({"../evil.txt": "x", "/tmp/evil.txt": "x", "ml-latest-small/tags.csv": "x"})
    files = fetching.fetch("movielens-latest-small", tmp_path / "in", site.address)
    assert [file.name for file in files] == ["ratings.csv", "movies.csv", "README.txt"]
    assert names(tmp_path / "in") == ["README.txt", fetching.RECORD, "movies.csv", "ratings.csv"]
    assert names(tmp_path) == ["in"]
    assert read_folder(tmp_path / "in").n_items == 2
    site.asked.clear()
    fetching.fetch("movielens-latest-small", tmp_path / "in", site.address)
    assert site.asked == []


def test_a_wrong_hash_leaves_nothing(site: Site, tmp_path: Path) -> None:
    site.files = movielens() | {"ml-latest-small.zip.md5": b"0" * 32 + b"  ml-latest-small.zip\n"}
    error = fetch_error("movielens-latest-small", tmp_path, site)
    assert "not what was published" in error.what
    assert "0" * 32 in error.what
    assert names(tmp_path) == []


def test_an_md5_that_is_missing_or_says_nothing_is_an_error(site: Site, tmp_path: Path) -> None:
    site.files = movielens()
    published = site.files.pop("ml-latest-small.zip.md5")
    assert "404" in fetch_error("movielens-latest-small", tmp_path, site).what
    site.files["ml-latest-small.zip.md5"] = b"<html>"
    assert "no MD5" in fetch_error("movielens-latest-small", tmp_path, site).what
    site.files["ml-latest-small.zip.md5"] = published
    fetching.fetch("movielens-latest-small", tmp_path, site.address)
    assert site.ranges_of("ml-latest-small.zip")[0] is None
    assert all(site.ranges_of("ml-latest-small.zip")[1:]), "the archive itself came once"


@pytest.mark.parametrize("extra", [{"other/ratings.csv": "x"}, None])
def test_an_archive_that_is_not_as_known_leaves_nothing(
    extra: dict[str, str] | None, site: Site, tmp_path: Path
) -> None:
    site.files = movielens(extra)
    if extra is None:
        broken = b"PK" + b"broken" * 20
        site.files = {
            "ml-latest-small.zip": broken,
            "ml-latest-small.zip.md5": hashlib.md5(broken).hexdigest().encode(),
        }
    assert "cannot be unpacked" in fetch_error("movielens-latest-small", tmp_path, site).what
    assert names(tmp_path) == []


def test_a_page_in_place_of_the_file_is_seen(site: Site, tmp_path: Path) -> None:
    site.files[ITEMS] = b"<html>Please log in</html>"
    assert "<html>" in fetch_error(NAME, tmp_path, site).what
    assert names(tmp_path) == []


def test_a_file_that_is_not_on_the_server(site: Site, tmp_path: Path) -> None:
    del site.files[REVIEWS]
    error = fetch_error(NAME, tmp_path, site)
    assert "404" in error.what
    assert error.location == site.address + REVIEWS
    assert (tmp_path / ITEMS).exists()


def test_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        address = f"http://127.0.0.1:{server.server_port}/"
    with pytest.raises(DataError, match="cannot be reached"):
        fetching.fetch(NAME, tmp_path, address)


@pytest.mark.parametrize("mirror", ["file:///etc", "ftp://x", "mirror"])
def test_a_mirror_is_a_web_address(mirror: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is no address"):
        fetching.fetch(NAME, tmp_path, mirror)


def test_an_unknown_name_lists_those_that_there_are() -> None:
    with pytest.raises(DataError) as caught:
        fetching.find_source("amazon")
    assert all(name in caught.value.hint for name in fetching.sources())


def test_a_full_disk_keeps_what_came(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def always_full(label: str, total: int | None, done: int = 0) -> nullcontext[Callable[[int], None]]:
        return nullcontext(full)

    site.cut = {ITEMS: [10]}
    with monkeypatch.context() as patch:
        patch.setattr(fetching, "track_bytes", always_full)  # called after each write
        error = fetch_error(NAME, tmp_path, site, RunError)
    assert error.what == "The operating system refuses: No space left on device."
    assert error.location == str(tmp_path / f"{ITEMS}.part")
    assert "Free some space" in error.hint
    assert names(tmp_path) == [f"{ITEMS}.part", f"{ITEMS}.part.from"]
    fetching.fetch(NAME, tmp_path, site.address)
    assert site.ranges_of(ITEMS) == [None, "bytes=10-"]


def test_what_cannot_fit_is_not_begun(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def disk_usage(_: Path) -> SimpleNamespace:
        return SimpleNamespace(free=3)

    monkeypatch.setattr("shutil.disk_usage", disk_usage)
    error = fetch_error(NAME, tmp_path, site)
    assert f"{len(AMAZON[ITEMS])} bytes are to come, 3 are free" in error.what


def test_a_folder_that_cannot_be_made(site: Site, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    error = fetch_error(NAME, tmp_path / "file" / "in", site, RunError)
    assert error.what == "The operating system refuses: Not a directory."
    assert error.location == str(tmp_path / "file" / "in")
    assert site.asked == []


def test_files_of_others_are_not_written_over(site: Site, tmp_path: Path) -> None:
    (tmp_path / REVIEWS).write_text("mine")
    assert REVIEWS in fetch_error(NAME, tmp_path, site).what
    assert (tmp_path / REVIEWS).read_text() == "mine"


def test_one_dataset_a_folder(site: Site, tmp_path: Path) -> None:
    fetching.fetch(NAME, tmp_path, site.address)
    assert NAME in fetch_error("steam", tmp_path, site).what
    (tmp_path / fetching.RECORD).write_text("downloads: [")
    assert "cannot be read" in fetch_error(NAME, tmp_path, site).what


def test_the_command_shows_the_terms_before_and_what_to_type_next(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["data", "fetch", NAME, str(tmp_path), "--from", site.address])
    assert left.value.code == 0
    shown = capsys.readouterr()
    assert shown.err.index("states no licence") < shown.err.index(f"{ITEMS}: from")
    assert shown.out.splitlines() == [
        f"next: recexplainer data inspect {tmp_path}",
        f"next: recexplainer run office-products --data {tmp_path}",
    ]


def test_the_command_alone_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["data", "fetch"])
    shown = capsys.readouterr().out.splitlines()
    assert set(fetching.sources()) <= set(shown)
    assert shown[shown.index("steam") + 2] == "  1.3 GB; licence: none stated; to be cited"


def test_a_bar_on_a_terminal_counts_what_came(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")
    with track_bytes("file", total=100, done=25) as advance:
        advance(50)
    assert "75/100 bytes" in capsys.readouterr().err
