import asyncio
import sqlite3
from contextlib import closing

import pytest

from deployments.embedded_server import migrated


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pcam" / "prefect"


@pytest.fixture
def migrate(tmp_path):
    """Bring a database to its tables; tell how often that was done, and of which."""
    done = []

    def one(name):
        database = tmp_path / name

        async def work():
            # The connection stays open, as Prefect's does, so that all lies in the log.
            connection = sqlite3.connect(database, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("CREATE TABLE IF NOT EXISTS flow (name TEXT)")
            done.append((name, connection))

        asyncio.run(migrated(database, work))
        return database

    yield one, done
    for _, connection in done:
        connection.close()


def rows(database):
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute("SELECT name FROM flow").fetchall()


def insert(database):
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("INSERT INTO flow VALUES ('train')")


def test_all_but_the_first_are_copies_of_it_as_it_was_empty(migrate):
    one, done = migrate
    first = one("first.db")
    insert(first)
    second = one("second.db")
    assert [name for name, _ in done] == ["first.db"]
    assert rows(second) == []
    insert(second)
    assert rows(one("third.db")) == []


def test_what_exists_is_migrated_itself_and_never_copied(migrate, cache):
    one, done = migrate
    insert(one("old.db"))
    (kept,) = cache.iterdir()
    kept.unlink()
    assert rows(one("old.db")) == [("train",)]
    assert [name for name, _ in done] == ["old.db", "old.db"]
    assert not list(cache.iterdir())


def test_another_version_is_migrated_anew(migrate, cache, monkeypatch):
    one, done = migrate
    one("first.db")
    monkeypatch.setattr("deployments.embedded_server.version", lambda name: f"{name} of tomorrow")
    one("second.db")
    assert [name for name, _ in done] == ["first.db", "second.db"]
    assert len(list(cache.iterdir())) == 2


@pytest.mark.parametrize("start", [0, 4096])
def test_a_damaged_copy_is_made_anew(migrate, cache, start, capsys):
    """Whether its first page is lost, or the one that holds a table."""
    one, done = migrate
    one("first.db")
    (kept,) = cache.iterdir()
    content = bytearray(kept.read_bytes())
    content[start : start + 4096] = b"\xff" * 4096
    kept.write_bytes(content)
    assert rows(one("second.db")) == []
    assert "made anew" in capsys.readouterr().err
    assert rows(one("third.db")) == []
    assert [name for name, _ in done] == ["first.db", "second.db"]


def in_the_way(cache, monkeypatch):
    cache.parent.mkdir(parents=True)
    cache.write_text("no folder")


def full_disk(cache, monkeypatch):
    def fail(database, copy):
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("deployments.embedded_server._copy", fail)


@pytest.mark.parametrize("spoil", [in_the_way, full_disk])
def test_a_cache_that_cannot_be_written_costs_time_only(spoil, migrate, cache, monkeypatch, capsys):
    spoil(cache, monkeypatch)
    one, done = migrate
    assert rows(one("first.db")) == []
    assert rows(one("second.db")) == []
    assert len(done) == 2
    assert "cannot be written" in capsys.readouterr().err
