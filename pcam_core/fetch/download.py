"""One known file over HTTP: resumed where it was cut, and believed only with its checksum."""

import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
from filelock import FileLock

from pcam_core.atomic import sync
from pcam_core.errors import InputError
from pcam_core.fetch.receipt import checksum_of, has_checksum, remember
from pcam_core.progress import Meter
from pcam_core.units import megabytes
from pcam_core.writable import check_writable, lasting, unwritable

# Seconds before each further try after one that brought nothing new.
WAITS: tuple[float, ...] = (1, 5, 20)
TIMEOUT = 30.0  # seconds to connect, and without a byte

_RESERVE = 256 * 1024**2
_MAY_PASS = {408, 425, 429, 500, 502, 503, 504}
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_REFUSALS = {
    401: "The server wants a login that this file did not need: get it by hand.",
    403: "Check that a browser can open the address from this machine; a proxy may refuse it.",
    404: "The file has moved: get it by hand, and look for a newer pcam.",
}


@dataclass(frozen=True)
class RemoteFile:
    """A public file that is known beforehand.

    Args:
        name: Its name on this machine; a constant, never what a server says.
        address: https; http only on this machine itself.
        checksum: Hex digits of its MD5 (32) or SHA-256 (64).
        size: Bytes; None where nobody published it.
        limit: Bytes that a file of unknown size may have at most.
    """

    name: str
    address: str
    checksum: str
    size: int | None = None
    limit: int = 100_000_000

    @property
    def most(self) -> int:
        """Bytes that it has, or may have at most."""
        return self.limit if self.size is None else self.size


class _TryAgainError(Exception):
    """The network or the server, not the request, is at fault."""


def download_all(files: Iterable[RemoteFile], folder: Path) -> list[Path]:
    """Bring files into a folder; those that are there and have their checksum stay as they are.

    A file is written as `<name>.part`, which a later call goes on with, and renamed once its
    checksum is right. Where the server's version (ETag) is no longer that of the part, it starts
    anew.
    Two processes do not write at the same time: the second waits, and finds the files.

    Args:
        files: What to bring; names without folders.
        folder: Made if it is missing.

    Returns:
        Their paths, in the same order.

    Raises:
        InputError: The folder cannot be written or is too small, the server refuses a file or
            cannot be reached after some tries, or a file is not the known one.
    """
    files = list(files)
    check_writable(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".fetch.lock"):
            missing = [
                file for file in files if not has_checksum(folder / file.name, file.checksum)
            ]
            parts = (_size(_part(folder / file.name)) for file in missing)
            check_space(folder, sum(file.most for file in missing) - sum(parts))
            for file in missing:
                _download(file, folder / file.name)
    except OSError as error:
        if lasting(error):
            raise unwritable(folder, error) from error
        raise
    return [folder / file.name for file in files]


def check_space(folder: Path, needed: int) -> None:
    """See that a disk can hold `needed` bytes more, and 256 MiB in reserve.

    Raises:
        InputError: It cannot.
    """
    free = shutil.disk_usage(folder).free
    if needed and free < needed + _RESERVE:
        raise InputError(
            f"The download needs {megabytes(needed)} of disk, but only {megabytes(free)} are left"
            f" where {folder} lies (256 MB are kept in reserve).",
            "Free some space, or choose another --out.",
        )


def _download(file: RemoteFile, path: Path) -> None:
    part = _part(path)
    found = ""
    for _ in range(2):  # a part of an older version, or damaged on the way, is worth a second try
        _patiently(file, part)
        found = checksum_of(part, file.checksum)
        if found == file.checksum:
            sync(part)
            part.replace(path)
            sync(path.parent)
            remember(path, found)
            _tag(part).unlink(missing_ok=True)
            return
        _forget(part)
    raise InputError(
        f"{file.address} gave a wrong file twice: its checksum is {found}, but"
        f" {file.checksum} is expected.",
        f"Something on the way may change it (a proxy, a login page): try another network, or get"
        f" {file.name} by hand and put it into {path.parent}.",
    )


def _patiently(file: RemoteFile, part: Path) -> None:
    """Complete `part`, and give up only when several tries in a row bring nothing new."""
    most, waits = _size(part), list(WAITS)
    while True:
        try:
            return _complete(file, part)
        except _TryAgainError as fault:
            if _size(part) > most:
                most, waits = _size(part), list(WAITS)
            if not waits:
                raise InputError(
                    f"{file.address} could not be downloaded: {fault}.",
                    "Check the connection (and HTTPS_PROXY where one is needed), and give the same"
                    " command again: what has arrived is kept.",
                ) from fault
            Meter(f"Try again in {waits[0]:g} s, for {fault} (tries)", len(waits)).advance(0)
            time.sleep(waits.pop(0))


def _complete(file: RemoteFile, part: Path) -> None:
    """Get what is missing of `part`, in one request."""
    if _size(part) > file.most:
        _forget(part)
    have = _size(part)
    if have == file.size:
        return
    headers = {"Accept-Encoding": "identity"}
    tag = _tag(part).read_text() if _tag(part).is_file() else ""
    if have:
        headers["Range"] = f"bytes={have}-"
        if tag and not tag.startswith("W/"):  # a weak one may stand for different bytes
            headers["If-Range"] = tag
    guard = {"request": [_secure_like(file.address)]}
    try:
        with (
            httpx.Client(timeout=TIMEOUT, follow_redirects=True, event_hooks=guard) as client,
            client.stream("GET", file.address, headers=headers) as response,
        ):
            if have and _must_restart(response, have, tag):
                _forget(part)
                raise _TryAgainError("the server's file is another one now")
            _check_answer(file, response)
            _receive(file, part, response)
    except httpx.TransportError as error:
        raise _TryAgainError(f"{type(error).__name__} {error}".strip()) from error
    except httpx.RequestError as error:  # redirects without end
        raise InputError(f"{file.address} cannot be used ({error}).", _REFUSALS[404]) from error


def _must_restart(response: httpx.Response, have: int, tag: str) -> bool:
    """Whether the answer to a request for the rest cannot follow what is there."""
    if response.status_code == 416:
        return True
    other = bool(tag) and response.headers.get("ETag", tag) != tag
    elsewhere = not response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
    return response.status_code == 206 and (other or elsewhere)


def _check_answer(file: RemoteFile, response: httpx.Response) -> None:
    code = response.status_code
    if code in _MAY_PASS:
        raise _TryAgainError(f"the server answers {code}")
    if code not in (200, 206):
        remedy = _REFUSALS.get(code, "Look at the address in a browser, and try again later.")
        raise InputError(f"{file.address} cannot be had (answer: {code}).", remedy)


def _receive(file: RemoteFile, part: Path, response: httpx.Response) -> None:
    resumed = response.status_code == 206
    have = _size(part) if resumed else 0
    length = response.headers.get("Content-Length", "")
    whole = have + int(length) if length.isdecimal() else file.size
    if (file.size is not None and whole != file.size) or (whole or 0) > file.most:
        raise InputError(
            f"{file.address} has {whole:,} bytes, but {file.most:,} are expected.",
            "It is not the known file (a login page, a proxy's notice, or a newer version): look at"
            " the address in a browser.",
        )
    if not resumed:
        part.unlink(missing_ok=True)  # before its ETag: a part never stands beside another's
        _tag(part).write_text(response.headers.get("ETag", ""))
    what = f"Download {'the rest of ' if have else ''}{file.name} (bytes)"
    meter = Meter(what, (whole or file.most) - have)
    with part.open("ab") as target:
        for piece in response.iter_raw():  # a piece size would hold back what came before a cut
            have += len(piece)
            if have > file.most:
                break
            target.write(piece)
            meter.advance(len(piece))
    if have > file.most:
        _forget(part)
        raise InputError(f"{file.address} does not end at {file.most:,} bytes.", _REFUSALS[403])
    if whole is not None and have < whole:
        raise _TryAgainError(f"the connection ended at byte {have:,} of {whole:,}")


def _secure_like(address: str) -> Callable[[httpx.Request], None]:
    """Return a hook that lets only https pass, redirects included; http only on this machine."""
    local = httpx.URL(address).scheme == "http"

    def check(request: httpx.Request) -> None:
        url = request.url
        if url.scheme == "https" or (local and url.scheme == "http" and url.host in _LOOPBACK):
            return
        raise InputError(
            f"{address} leads to {url.scheme}://{url.host}, which is not encrypted.",
            "Something on the way redirects it: try another network.",
        )

    return check


def _part(path: Path) -> Path:
    return path.with_name(f"{path.name}.part")


def _tag(part: Path) -> Path:
    return part.with_name(f"{part.name}.etag")


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag(part).unlink(missing_ok=True)
