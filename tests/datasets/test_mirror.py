"""S3 as moto's server plays it, with a client that is made to fail where moto cannot."""

import hashlib
import os
import sqlite3
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from pcam_core.datasets import mirror as module
from pcam_core.datasets.mirror import mirror
from pcam_core.datasets.opening import open_dataset
from pcam_core.errors import InputError
from pcam_core.object_store import s3_source
from pcam_core.object_store.s3_source import S3Source
from pcam_core.progress import listening

BIG = "camelyonpatch_level_2_split_train_x.h5"


@pytest.fixture
def small(prefix):
    """Kaggle's layout with files that are no pictures: nothing is decoded here."""
    prefix.put("train_labels.csv", b"id,label\na,0\nb,1\n")
    for name in ("train/a.tif", "train/b.tif", "test/c.tif"):
        prefix.put(name, name.encode() * 100)
    return prefix


@pytest.fixture
def fetched(monkeypatch):
    """Names of the objects whose content is asked for, in the course of the test."""
    names = []
    fetch = S3Source.fetch

    def noted(self, wanted, part, received):
        names.append(wanted.name)
        fetch(self, wanted, part, received)

    monkeypatch.setattr(S3Source, "fetch", noted)
    return names


def files(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*.*")}


@pytest.mark.parametrize("form", ["folder", "zip", "object", "pcam", "packed"])
def test_has_what_the_folder_has(
    form, generated, own_pcam, prefix, tmp_path, zipped, packed, cache, same
):
    local, address = generated, prefix.address
    if form in ("zip", "object"):
        local = zipped(tmp_path / "data.zip", generated)
        prefix.put("data.zip", local.read_bytes())
        address += "/data.zip" if form == "object" else "/"
    else:
        local = {"folder": generated, "pcam": own_pcam, "packed": own_pcam}[form]
        prefix.put_folder(packed(local) if form == "packed" else local)
    data = open_dataset([address], cache)
    like = open_dataset([str(local)], tmp_path / "other")
    assert data.key == like.key
    assert data.address.startswith(prefix.address)
    assert same(data, like)


def test_only_what_is_read_is_fetched(small, cache, fetched):
    for name in (
        "notes.txt",
        "train/._a.tif",
        "train/deep/d.tif",
        "other/e.tif",
        "x.zip",
        "train/",
    ):
        small.put(name, b"junk")
    small.client.put_object(Bucket="patches", Key=f"{small.name}2/train_labels.csv", Body=b"x")
    folder = mirror(small.address, cache)
    assert files(folder).keys() == set(fetched)
    assert set(fetched) == {"train_labels.csv", "train/a.tif", "train/b.tif", "test/c.tif"}


def test_more_objects_than_one_page_lists(small, cache, monkeypatch):
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "2")
    assert small.client.list_objects_v2(Bucket="patches", Prefix=small.name)["IsTruncated"]
    monkeypatch.setattr(module, "_AT_ONCE", 3)
    assert len(files(mirror(small.address, cache))) == 4


def test_changes_in_the_bucket(small, cache, fetched):
    first = open_dataset([small.address], cache)
    fetched.clear()
    small.put("train/a.tif", b"other")
    small.put("train/d.tif", b"new")
    small.delete("train/b.tif")
    second = open_dataset([small.address], cache)
    assert set(fetched) == {"train/a.tif", "train/d.tif"}
    assert second.patch_ids("train") == ["a", "d"]
    assert second.file("train/a.tif").read_bytes() == b"other"
    assert second.key != first.key


def test_another_form_takes_the_place(small, cache, zipped, generated, tmp_path):
    mirror(small.address, cache)
    small.delete("train_labels.csv")
    small.put("data.zip", zipped(tmp_path / "data.zip", generated).read_bytes())
    assert files(mirror(small.address, cache)).keys() == {"data.zip"}


@pytest.mark.parametrize("damage", ["changed", "shorter", "gone", "replaced by a link"])
def test_a_file_changed_on_this_side_is_fetched_anew(damage, small, cache, fetched, tmp_path):
    path = mirror(small.address, cache) / "train" / "a.tif"
    before = path.read_bytes()
    if damage == "changed":
        path.write_bytes(before[::-1])
    elif damage == "shorter":
        os.truncate(path, 3)
    else:
        path.unlink()
    if damage == "replaced by a link":
        path.symlink_to(tmp_path / "elsewhere")
    fetched.clear()
    mirror(small.address, cache)
    assert fetched == ["train/a.tif"]
    assert path.read_bytes() == before
    assert not path.is_symlink()


def test_two_prefixes_do_not_meet(small, cache):
    small.client.put_object(Bucket="patches", Key=f"{small.name}/more/{BIG}", Body=b"x")
    assert mirror(small.address, cache) != mirror(f"{small.address}/more", cache)


# cut off and resumed


def test_killed_in_the_middle(small, cache, fetched, monkeypatch):
    monkeypatch.setattr(module, "_THREADS", 1)
    fetch = S3Source.fetch

    def killed_at_the_third(self, wanted, part, received):
        if len(fetched) == 2:
            raise KeyboardInterrupt
        fetch(self, wanted, part, received)

    with monkeypatch.context() as patch:
        patch.setattr(S3Source, "fetch", killed_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            mirror(small.address, cache)
    finished = set(fetched)
    fetched.clear()
    assert len(files(mirror(small.address, cache))) == 4
    assert (len(finished), len(fetched), finished & set(fetched)) == (2, 2, set())
    assert not list((cache / "mirrors").glob("*/parts"))


@pytest.fixture
def flaky(endpoint, monkeypatch):
    """A proxy before the endpoint that cuts the next answers after some bytes of their body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            url, headers = endpoint + self.path, dict(self.headers)
            try:
                answer = urlopen(Request(url, headers=headers, method=self.command))
            except HTTPError as error:
                answer = error
            body = answer.read()
            if self.command == "GET" and "list-type" not in self.path:
                server.asked.append(headers.get("Range"))
                cut = server.cuts.pop(0) if server.cuts else len(body)
                body = server.change(body)[:cut]
                self.close_connection = True
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in server.hidden | {"connection", "date", "server"}:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_HEAD(self):
            self.do_GET()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.cuts, server.asked, server.hidden = [], [], set()
    server.change = lambda body: body
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def large(prefix):
    content = hashlib.shake_256(b"x").digest(5 << 20)
    prefix.put(BIG, content)
    return content


def test_a_cut_connection_goes_on_where_it_was(prefix, large, flaky, cache):
    flaky.cuts = [3 << 20, 1 << 20]
    told = []
    with listening(told.append):
        folder = mirror(prefix.address, cache)
    assert (folder / BIG).read_bytes() == large
    first, *resumed = flaky.asked
    starts = [int(span.removeprefix("bytes=").removesuffix("-")) for span in resumed]
    assert first is None
    assert 0 < starts[0] <= 3 << 20 < starts[1] <= 4 << 20
    assert told[-1].done == told[-1].total == len(large)


def test_a_later_call_goes_on_too(prefix, large, flaky, cache, monkeypatch):
    flaky.cuts = [3 << 20, *[0] * 9]
    with pytest.raises(ConnectionError, match=r"train_x.h5 was cut at byte [\d,]+ "):
        mirror(prefix.address, cache)
    flaky.cuts.clear()
    flaky.asked.clear()
    assert (mirror(prefix.address, cache) / BIG).read_bytes() == large
    assert len(flaky.asked) == 1
    assert int(flaky.asked[0].removeprefix("bytes=").removesuffix("-")) > 2 << 20


def test_a_part_of_an_older_version_is_not_gone_on_with(prefix, large, flaky, cache):
    flaky.cuts = [3 << 20, *[0] * 9]
    with pytest.raises(ConnectionError):
        mirror(prefix.address, cache)
    flaky.cuts.clear()
    prefix.put(BIG, large[::-1])
    assert (mirror(prefix.address, cache) / BIG).read_bytes() == large[::-1]
    assert not list((cache / "mirrors").glob("*/parts"))


def test_damaged_on_the_way_once(prefix, large, flaky, cache):
    changes = iter([lambda body: body[:-1] + b"\0"])
    flaky.change = lambda body: next(changes, lambda same: same)(body)
    assert (mirror(prefix.address, cache) / BIG).read_bytes() == large


@pytest.mark.parametrize("hidden", [set(), {"x-amz-checksum-crc32"}])
def test_damaged_again_and_again(hidden, prefix, large, flaky, cache):
    flaky.hidden = hidden  # then the ETag's MD5 tells
    flaky.change = lambda body: body[:-1] + bytes([body[-1] ^ 1])
    with pytest.raises(InputError, match=r"train_x\.h5 arrived damaged twice"):
        mirror(prefix.address, cache)
    assert not list(cache.rglob("*.h5"))


@pytest.mark.parametrize("event", ["changed", "vanished"])
def test_changed_between_listing_and_fetching(event, small, cache, monkeypatch):
    fetch = S3Source.fetch

    def too_late(self, wanted, part, received):
        if wanted.name == "train/a.tif":
            small.put(wanted.name, b"other") if event == "changed" else small.delete(wanted.name)
        fetch(self, wanted, part, received)

    with monkeypatch.context() as patch:
        patch.setattr(S3Source, "fetch", too_late)
        with pytest.raises(ConnectionError, match=r"train/a\.tif has changed"):
            mirror(small.address, cache)
    folder = mirror(small.address, cache)
    assert (folder / "train" / "a.tif").exists() == (event == "changed")


# what is not there, refused or hostile


@pytest.mark.parametrize(
    "name", ["../x.tif", "train/../../x", "/x", "train//x.tif", "a\\b", "a\nb"]
)
def test_keys_that_cannot_be_files(name, small, cache, monkeypatch):
    listed = S3Source._listed

    def hostile(self):
        yield from listed(self)
        yield s3_source.S3Object(name, 1, '"x"')

    monkeypatch.setattr(S3Source, "_listed", hostile)
    with pytest.raises(InputError, match="holds 1 object whose name cannot be a file's") as caught:
        mirror(small.address, cache)
    assert caught.value.items == [repr(name)]
    assert not cache.exists()


def test_nothing_there(prefix, cache):
    with pytest.raises(InputError, match="holds nothing"):
        mirror(prefix.address, cache)


def test_no_data_there(prefix, cache):
    prefix.put("x/notes.txt", b"x")
    with pytest.raises(InputError, match=rf"{prefix.address} has no .* it holds 'x'"):
        open_dataset([prefix.address], cache)


def test_messages_name_the_bucket_and_not_the_copy(small, cache):
    small.delete("test/c.tif")
    with pytest.raises(InputError, match=f"test of {small.address} holds no .tif patches"):
        open_dataset([small.address], cache)


def test_no_such_bucket(aws_environment, cache):
    with pytest.raises(InputError, match=r"no-such-bucket at 127.* does not exist"):
        mirror("s3://no-such-bucket/x", cache)


def test_bad_address(aws_environment, cache):
    with pytest.raises(InputError, match="no valid bucket name") as caught:
        mirror("s3://key:secret@bucket/x", cache)
    assert "secret@" not in str(caught.value)


def test_no_credentials(small, cache, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(InputError, match="no complete credentials"):
        mirror(small.address, cache)


def test_refused(small, cache, request):
    request.getfixturevalue("refused_key")
    with pytest.raises(InputError, match="refuses the credentials"):
        mirror(small.address, cache)


def test_refused_objects(small, cache, monkeypatch):
    denied = ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")

    def refuse(*_):
        raise denied

    monkeypatch.setattr(S3Source, "_receive", refuse)
    with pytest.raises(InputError, match=rf"{small.address}/t.* refuses access"):
        mirror(small.address, cache)


def test_endpoint_down(closed_endpoint, cache, monkeypatch):
    settings = module.S3Settings(attempts=1)
    monkeypatch.setattr(module, "S3Settings", lambda: settings)
    with pytest.raises(InputError, match=rf"{closed_endpoint} cannot be reached"):
        mirror("s3://patches/x", cache)


def test_passing_trouble_is_left_to_retries(small, cache, monkeypatch):
    slow = {"Error": {"Code": "SlowDown"}, "ResponseMetadata": {"HTTPStatusCode": 503}}

    def refuse(*_):
        raise ClientError(slow, "GetObject")

    monkeypatch.setattr(S3Source, "_receive", refuse)
    with pytest.raises(ClientError, match="SlowDown"):
        mirror(small.address, cache)


def test_a_damaged_index(small, cache):
    mirror(small.address, cache)
    (index,) = (cache / "mirrors").glob("*/index.sqlite")
    index.write_bytes(b"x" * 5000)
    with pytest.raises(InputError, match="sqlite is damaged"):
        mirror(small.address, cache)
    index.unlink()
    mirror(small.address, cache)
    with sqlite3.connect(index) as database:
        assert database.execute("SELECT count(*) FROM files").fetchone() == (4,)
