import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pcam_core.errors import InputError
from pcam_core.fetch import download
from pcam_core.fetch.download import RemoteFile, download_all
from pcam_core.progress import listening

CONTENT = random.Random(1).randbytes(1_000_000)
BYSTANDERS = {".fetch.lock", ".fetched.json"}


def fetched(remote, folder):
    """Bring one file and return its bytes."""
    [path] = download_all([remote], folder)
    assert {file.name for file in folder.iterdir()} <= {path.name, *BYSTANDERS}
    return path.read_bytes()


def refusal(remote, folder):
    """Return why a file cannot be had, and see that nothing claims to be it."""
    with pytest.raises(InputError) as caught:
        download_all([remote], folder)
    assert not (folder / remote.name).exists()
    assert caught.value.remedy
    return caught.value


def ranges(server):
    return [asked["Range"] for asked in server.asked]


def test_a_file_arrives_and_its_bytes_are_told(server, tmp_path):
    told = []
    with listening(told.append):
        assert fetched(server.remote("file", CONTENT), tmp_path / "new") == CONTENT
    assert told[-2].what == "Download file (bytes)"
    assert (told[-2].done, told[-2].total) == (len(CONTENT), len(CONTENT))


def test_a_second_call_asks_for_nothing_and_reads_nothing(server, tmp_path, monkeypatch):
    remote = server.remote("file", CONTENT)
    download_all([remote], tmp_path)
    monkeypatch.setattr("pcam_core.fetch.receipt.checksum_of", None)
    assert fetched(remote, tmp_path) == CONTENT
    assert len(server.asked) == 1


def test_a_copied_folder_is_checked_and_not_fetched_again(server, tmp_path):
    remote = server.remote("file", CONTENT)
    download_all([remote], tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    assert fetched(remote, tmp_path / "other") == CONTENT
    assert len(server.asked) == 1


def test_a_damaged_file_is_fetched_again(server, tmp_path):
    remote = server.remote("file", CONTENT)
    [path] = download_all([remote], tmp_path)
    path.write_bytes(CONTENT[:-1] + b"x")
    assert fetched(remote, tmp_path) == CONTENT
    (tmp_path / ".fetched.json").write_text("[")
    assert fetched(remote, tmp_path) == CONTENT
    assert len(server.asked) == 2


def test_a_cut_connection_goes_on_at_the_right_byte(server, answer, tmp_path):
    server.answers = [answer(cut=300_000), answer(cut=200_000)]
    assert fetched(server.remote("file", CONTENT), tmp_path) == CONTENT
    assert ranges(server) == [None, "bytes=300000-", "bytes=500000-"]
    assert [asked["If-Range"] for asked in server.asked] == [None, '"one"', '"one"']


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_without_a_strong_etag_the_checksum_judges(server, answer, tmp_path, etag):
    server.usual = answer(etag=etag)
    server.answers = [answer(cut=300_000, etag=etag)]
    assert fetched(server.remote("file", CONTENT), tmp_path) == CONTENT
    assert server.asked[1] == {"Range": "bytes=300000-", "If-Range": None}


def test_a_part_of_another_file_is_found_by_the_checksum(server, answer, tmp_path):
    remote = server.remote("file", CONTENT)
    (tmp_path / "file.part").write_bytes(b"x" * 5000)
    assert fetched(remote, tmp_path) == CONTENT
    assert ranges(server) == ["bytes=5000-", None]


@pytest.mark.parametrize("size", [len(CONTENT), len(CONTENT) + 1])
def test_a_part_that_cannot_be_gone_on_with_is_dropped(server, tmp_path, size):
    remote = server.remote("file", CONTENT)
    (tmp_path / "file.part").write_bytes(b"x" * size)
    assert fetched(remote, tmp_path) == CONTENT
    assert ranges(server) == [None]


def test_a_complete_part_is_taken_without_a_request(server, tmp_path):
    remote = server.remote("file", CONTENT)
    (tmp_path / "file.part").write_bytes(CONTENT)
    assert fetched(remote, tmp_path) == CONTENT
    assert server.asked == []


@pytest.mark.parametrize("heed", [True, False])
def test_a_file_that_changed_on_the_server_is_not_spliced(server, answer, tmp_path, heed):
    older = b"o" * len(CONTENT)
    server.answers = [answer(cut=400_000, body=older, etag='"old"')]
    server.usual = answer(etag='"new"', heed_if_range=heed)
    assert fetched(server.remote("file", CONTENT), tmp_path) == CONTENT
    assert server.asked[1] == {"Range": "bytes=400000-", "If-Range": '"old"'}
    assert len(server.asked) == (2 if heed else 3)


def test_a_server_without_ranges_sends_everything_again(server, answer, tmp_path):
    server.usual = answer(ranges=False)
    server.answers = [answer(cut=300_000, ranges=False)]
    assert fetched(server.remote("file", CONTENT), tmp_path) == CONTENT


def test_size_unknown_beforehand(server, answer, tmp_path):
    server.answers = [answer(cut=300_000, length=False), answer(length=False)]
    assert fetched(server.remote("file", CONTENT, size=None), tmp_path) == CONTENT
    (tmp_path / "file").rename(tmp_path / "file.part")  # killed just before the renaming
    assert fetched(server.remote("file", CONTENT, size=None), tmp_path) == CONTENT


@pytest.mark.parametrize("status", [503, 429])
def test_a_busy_server_is_asked_again(server, answer, tmp_path, status):
    server.answers = [answer(status=status), answer(status=status)]
    assert fetched(server.remote("file", CONTENT), tmp_path) == CONTENT


def test_a_slow_server_is_waited_for(server, answer, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.2)
    server.usual = answer(pause=0.05)  # 16 pieces: 0.8 s in all
    assert fetched(server.remote("file", CONTENT), tmp_path) == CONTENT
    assert len(server.asked) == 1


def test_a_silent_server_is_given_up_and_what_came_is_kept(server, answer, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "TIMEOUT", 0.1)
    server.usual = answer(pause=0.5, ranges=False)
    error = refusal(server.remote("file", CONTENT), tmp_path)
    assert "ReadTimeout" in error.problem
    assert "is kept" in error.remedy
    assert (tmp_path / "file.part").stat().st_size


def test_a_server_that_always_cuts_at_the_same_byte_is_given_up(server, answer, tmp_path):
    server.usual = answer(cut=1000, ranges=False)
    assert "could not be downloaded" in refusal(server.remote("file", CONTENT), tmp_path).problem
    assert len(server.asked) == 4


def test_progress_earns_new_tries(server, answer, tmp_path):
    server.usual = answer(cut=100_000)
    assert fetched(server.remote("file", CONTENT), tmp_path) == CONTENT
    assert len(server.asked) == 10


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_is_explained_at_once(server, answer, tmp_path, status):
    server.usual = answer(status=status)
    remote = server.remote("file", CONTENT)
    assert (
        f"{remote.address} cannot be had (answer: {status})." == refusal(remote, tmp_path).problem
    )
    assert len(server.asked) == 1


def test_a_wrong_file_is_tried_twice_and_named(server, answer, tmp_path):
    wrong = b"w" * len(CONTENT)
    server.usual = answer(body=wrong)
    remote = server.remote("file", CONTENT)
    error = refusal(remote, tmp_path)
    assert remote.address in error.problem
    assert hashlib.md5(wrong).hexdigest() in error.problem
    assert remote.checksum in error.problem
    assert len(server.asked) == 2
    assert not (tmp_path / "file.part").exists()


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_more_than_expected_is_not_taken(server, answer, tmp_path, size):
    remote = server.remote("file", CONTENT, size=size, limit=len(CONTENT))
    server.usual = answer(body=CONTENT + b"more")
    assert "are expected" in refusal(remote, tmp_path).problem
    server.usual = answer(body=CONTENT * 9, length=False)
    assert "does not end" in refusal(remote, tmp_path).problem
    assert not (tmp_path / "file.part").exists()


def test_a_page_instead_of_the_file_is_recognised_by_its_size(server, answer, tmp_path):
    server.usual = answer(body=b"<html>Log in, please</html>")
    assert "has 27 bytes" in refusal(server.remote("file", CONTENT), tmp_path).problem


def test_nobody_listens(server, tmp_path):
    remote = RemoteFile("file", "http://127.0.0.1:1/file", "0" * 32, 9)
    assert "ConnectError" in refusal(remote, tmp_path).problem


def test_a_redirect_on_this_machine_is_followed(server, answer, tmp_path):
    remote = server.remote("file", CONTENT)
    server.answers = [answer(location=f"{server.address}/file")]
    assert fetched(remote, tmp_path) == CONTENT


@pytest.mark.parametrize("place", ["http://example.org/file", "ftp://127.0.0.1/file"])
def test_a_redirect_without_encryption_is_not_followed(server, answer, tmp_path, place):
    server.usual = answer(location=place)
    error = refusal(server.remote("file", CONTENT), tmp_path)
    assert "cannot be used" in error.problem or "not encrypted" in error.problem


def test_redirects_without_end(server, answer, tmp_path):
    server.usual = answer(location="/file")
    assert "cannot be used" in refusal(server.remote("file", CONTENT), tmp_path).problem


def test_plain_http_is_for_this_machine_only(tmp_path):
    remote = RemoteFile("file", "http://example.org/file", "0" * 32, 9)
    assert "not encrypted" in refusal(remote, tmp_path).problem


def test_https_may_not_lead_to_http_even_on_this_machine():
    from httpx import Request

    check = download._secure_like("https://example.org/file")
    check(Request("GET", "https://elsewhere.example/file"))
    with pytest.raises(InputError, match="not encrypted"):
        check(Request("GET", "http://127.0.0.1/file"))


def test_too_little_disk_is_said_before_the_download(server, tmp_path, monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(download.shutil, "disk_usage", lambda _: usage(300_000_000))
    error = refusal(server.remote("file", CONTENT, size=100_000_000), tmp_path)
    assert error.problem.startswith("The download needs 100 MB of disk, but only 300 MB are left")
    assert server.asked == []
    assert fetched(server.remote("file", CONTENT), tmp_path) == CONTENT


def test_a_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        download_all([server.remote("other", CONTENT)], tmp_path / "file")


def test_a_full_disk_is_explained(server, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(download, "_receive", full)
    assert "No space left" in refusal(server.remote("file", CONTENT), tmp_path).problem


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(0, 5000), max_size=6), ranges=st.booleans())
def test_any_cuts_give_the_same_bytes(server, answer, tmp_path_factory, cuts, ranges):
    content = CONTENT[:5000]
    server.answers = [answer(cut=cut, ranges=ranges) for cut in cuts]
    remote = server.remote("file", content)
    folder = tmp_path_factory.mktemp("cuts")
    for _ in range(3):  # a call gives up after four tries without news
        try:
            assert fetched(remote, folder) == content
            break
        except InputError:
            assert not (folder / "file").exists()
    else:
        pytest.fail("three calls were not enough")
    server.answers = []


def test_a_killed_download_goes_on(server, answer, tmp_path):
    server.usual = answer(pause=0.05)
    remote = server.remote("file", CONTENT)
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from pcam_core.fetch.download import RemoteFile, download_all\n"
        "name, address, md5, size, folder = sys.argv[1:]\n"
        "download_all([RemoteFile(name, address, md5, int(size))], Path(folder))\n"
    )
    given = [remote.name, remote.address, remote.checksum, str(remote.size), str(tmp_path)]
    child = subprocess.Popen([sys.executable, "-c", code, *given])
    part = tmp_path / "file.part"
    while not (part.exists() and part.stat().st_size):
        assert child.poll() is None
        time.sleep(0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert not (tmp_path / "file").exists()
    have = part.stat().st_size
    assert 0 < have < len(CONTENT)
    server.usual = answer()
    assert fetched(remote, tmp_path) == CONTENT
    assert server.asked[-1] == {"Range": f"bytes={have}-", "If-Range": '"one"'}
