"""The embedded server's own process: `python -P -m deployments.embedded_server PORT`."""

import asyncio
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from importlib.metadata import version
from pathlib import Path

from pcam_core.atomic import replacing
from pcam_core.user_cache import user_cache

LOOPBACK = "127.0.0.1"

_SETTINGS = {
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    # What Prefect sets for the servers that it embeds itself: no UI, few loops.
    "PREFECT_UI_ENABLED": "0",
    "PREFECT__SERVER_EPHEMERAL": "1",
    "PREFECT__SERVER_FINAL": "1",
    # Without a UI nobody chooses among all kinds of blocks, which take a second to write down.
    "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
    # It is migrated before.
    "PREFECT_API_DATABASE_MIGRATE_ON_START": "false",
}


async def serve(port: int) -> None:
    """Be a Prefect server on this port of the loopback until SIGTERM."""
    os.environ |= _SETTINGS
    # Read when Prefect is imported.
    from prefect.server.api.server import create_app
    from prefect.server.database import provide_database_interface
    from prefect.settings import PREFECT_API_DATABASE_CONNECTION_URL, PREFECT_HOME
    from uvicorn import Config, Server

    database = PREFECT_HOME.value() / "prefect.db"
    migrate = provide_database_interface().create_db
    if PREFECT_API_DATABASE_CONNECTION_URL.value() == f"sqlite+aiosqlite:///{database}":
        await migrated(database, migrate)
    else:  # the user's own choice
        await migrate()
    config = Config(create_app(), host=LOOPBACK, port=port, log_level="error", lifespan="on")
    await Server(config).serve()


async def migrated(database: Path, migrate: Callable[[], Awaitable[None]]) -> None:
    """Bring a SQLite file to the tables of this version of Prefect; make it if it is absent.

    All of Prefect's migrations take up to ten seconds, so that the first result is kept, empty as
    it is, in `$XDG_CACHE_HOME/pcam/prefect` (`~/.cache/pcam/prefect`), and copied from then on.

    Args:
        database: Path of the file.
        migrate: Makes and migrates it.
    """
    kept = user_cache("prefect") / f"{version('prefect')}.db"
    absent = not database.exists()
    if absent and kept.is_file():
        try:
            with replacing(database) as temporary:
                _copy(kept, temporary)
        except sqlite3.DatabaseError as error:
            print(f"{kept} is of no use ({error}): it is made anew.", file=sys.stderr)
        else:
            return
    await migrate()
    if absent:
        try:
            with replacing(kept) as temporary:
                _copy(database, temporary)
        except (OSError, sqlite3.Error) as error:  # SQLite tells of a full disk itself
            print(f"{kept} cannot be written ({error}): a start takes longer.", file=sys.stderr)


def _copy(database: Path, copy: Path) -> None:
    """Copy what is committed, in the file or still in its log.

    Raises:
        sqlite3.DatabaseError: The file is damaged.
    """
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        (found,) = target.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
