"""Which process does something, so that another can tell whether it still lives."""

import os
import platform

import psutil
from pydantic import BaseModel, ConfigDict

# The start is reckoned from the machine's boot time, which moves a little when the clock is set.
_TOLERANCE_S = 5.0


class ProcessIdentity(BaseModel):
    """A process, told apart from later ones that are given its number.

    Attributes:
        host: Name of the machine.
        pid: Number of the process there.
        started: Its start in seconds since 1970.
    """

    model_config = ConfigDict(frozen=True)

    host: str
    pid: int
    started: float

    def gone(self) -> bool:
        """Return whether the process has ended; False where that cannot be known.

        Another machine's processes cannot be seen from here.
        """
        if self.host != platform.node():
            return False
        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            return bool(abs(process.create_time() - self.started) > _TOLERANCE_S)
        except psutil.NoSuchProcess:
            return True
        except psutil.AccessDenied:
            return False


def this_process() -> ProcessIdentity:
    """Return the identity of the process that asks."""
    return ProcessIdentity(
        host=platform.node(), pid=os.getpid(), started=psutil.Process().create_time()
    )
