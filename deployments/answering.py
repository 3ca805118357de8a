"""Whether a server answers."""

from http.client import HTTPException
from urllib.request import ProxyHandler, build_opener

_TIMEOUT_S = 3.0


def answers(address: str) -> bool:
    """Return whether a request for `address` succeeds; no proxy is asked.

    What is no address does not answer.
    """
    try:
        with build_opener(ProxyHandler({})).open(address, timeout=_TIMEOUT_S) as answer:
            return bool(answer.status == 200)
    except (OSError, HTTPException, ValueError):
        return False
