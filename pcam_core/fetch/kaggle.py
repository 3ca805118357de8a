"""Kaggle's Histopathologic Cancer Detection, through kagglehub and the user's own account.

The counts are those of https://www.kaggle.com/competitions/histopathologic-cancer-detection/data.
"""

import logging
import shutil
import time
import zipfile
from pathlib import Path

from filelock import FileLock

from pcam_core.environment import variable
from pcam_core.errors import InputError
from pcam_core.fetch.download import WAITS, check_space
from pcam_core.writable import check_writable, lasting, unwritable

COMPETITION = "histopathologic-cancer-detection"
ADDRESS = f"https://www.kaggle.com/competitions/{COMPETITION}"
COUNTS = {"train": 220_025, "test": 57_458}

_SPACE = 16_000_000_000  # the archive of 6 to 7 GB beside what comes out of it, 7.8 GB
_REFUSALS = {
    401: (
        "Kaggle refuses the credentials",
        "Make a new token at https://www.kaggle.com/settings/api.",
    ),
    403: (
        "Kaggle keeps the data from this account",
        f"Accept the competition's rules at {ADDRESS}/rules with the account of the token, then"
        " give the same command again.",
    ),
    404: ("Kaggle does not find the competition", f"Look at {ADDRESS} in a browser."),
}
_MAY_PASS = {408, 425, 429, 500, 502, 503, 504}


def fetch_kaggle(folder: Path) -> Path:
    """Bring the competition's folder to a machine: train_labels.csv, train, test.

    kagglehub downloads one archive, goes on where it was cut, checks it and unpacks it beside
    `folder`; the result takes its place at once or not at all.

    Args:
        folder: New or empty, or the finished data of an earlier call.

    Returns:
        `folder`, as `pcam train --data` takes it.

    Raises:
        InputError: Credentials are missing or refused, the rules are not accepted, Kaggle cannot
            be reached after some tries, or the place is taken, too small or not writable.
    """
    if is_complete(folder):
        return folder
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise InputError(
            f"{folder} holds something else, or an incomplete copy.", "Give --out a new folder."
        )
    folder = folder.absolute()
    cache = folder.with_name(f".{folder.name}.kagglehub")
    check_writable(folder.parent)
    _check_credentials()
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / ".lock"):
            if not is_complete(folder):
                archive = cache / "competitions" / f"{COMPETITION}.archive"
                check_space(cache, _SPACE - _size(archive))
                _take_place(_unpacked(cache, archive), folder)
            shutil.rmtree(cache, ignore_errors=True)
    except OSError as error:
        if lasting(error):
            raise unwritable(folder, error) from error
        raise
    return folder


def is_complete(folder: Path) -> bool:
    """Whether a folder holds the labels and as many patches as the competition has."""
    found = {part: sum(1 for _ in (folder / part).glob("*.tif")) for part in COUNTS}
    return (folder / "train_labels.csv").is_file() and found == COUNTS


def _take_place(unpacked: Path, folder: Path) -> None:
    if not is_complete(unpacked):
        shutil.rmtree(unpacked)
        raise InputError(
            f"What Kaggle sent is not {COUNTS['train']:,} labelled and {COUNTS['test']:,} further"
            " patches.",
            f"It was removed: give the same command again, or look at {ADDRESS}/data.",
        )
    if folder.exists():
        folder.rmdir()
    unpacked.rename(folder)


def _unpacked(cache: Path, archive: Path) -> Path:
    """Return the folder below `cache` into which kagglehub unpacks the archive."""
    with variable("KAGGLEHUB_CACHE", str(cache)), variable("DISABLE_KAGGLE_CACHE", "true"):
        import kagglehub  # type: ignore[import-untyped]
        from requests import HTTPError, RequestException

        # It prints what it does on the output, which is for results.
        logging.getLogger("kagglehub").setLevel(logging.WARNING)
        most, waits = _size(archive), list(WAITS)
        while True:
            try:
                return Path(kagglehub.competition_download(COMPETITION))
            except kagglehub.exceptions.UnauthenticatedError:
                raise _login_needed() from None
            except HTTPError as error:
                code = error.response.status_code if error.response is not None else 0
                fault = f"it answers {code}"
                if code not in _MAY_PASS:
                    raise _refused(code) from None  # the library's words may hold parts of a token
            except RequestException as error:  # some are ValueErrors too
                fault = type(error).__name__
            except (kagglehub.exceptions.DataCorruptionError, zipfile.BadZipFile, ValueError):
                archive.unlink(missing_ok=True)
                fault = "the archive arrived damaged"
            if _size(archive) > most:  # what brings something new earns new tries
                most, waits = _size(archive), list(WAITS)
            if not waits:
                raise InputError(
                    f"Kaggle cannot be used now ({fault}).",
                    "Check the connection and give the same command again: it goes on where it"
                    " stopped.",
                )
            time.sleep(waits.pop(0))


def _check_credentials() -> None:
    from kagglehub.config import get_kaggle_credentials  # type: ignore[import-untyped]

    try:
        found = get_kaggle_credentials()
    except Exception:  # a file that is damaged or not readable; the error may quote from it
        raise _login_needed() from None
    if not found:
        raise _login_needed()


def _size(archive: Path) -> int:
    return archive.stat().st_size if archive.is_file() else 0


def _login_needed() -> InputError:
    return InputError(
        "Kaggle wants your account, and no usable credentials are here.",
        "Make a token at https://www.kaggle.com/settings/api and put it into KAGGLE_API_TOKEN or"
        " ~/.kaggle/access_token; a legacy key goes into KAGGLE_USERNAME and KAGGLE_KEY, or as"
        " kaggle.json into ~/.kaggle.",
    )


def _refused(code: int) -> InputError:
    problem, remedy = _REFUSALS.get(
        code, ("Kaggle does not give the data", f"Look at {ADDRESS}/data in a browser.")
    )
    return InputError(f"{problem} (answer: {code}).", remedy)
