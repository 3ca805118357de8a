"""Take a registered model out of object storage."""

import shutil
from pathlib import Path
from typing import Any

from pcam_core.atomic import sha256_of
from pcam_core.errors import InputError
from pcam_core.promotion.registered_model import RegisteredModel
from pcam_core.stage import stage
from pcam_core.stages.final import MODEL
from pcam_core.stages.threshold import CALIBRATOR
from pcam_core.superres.remote_file import fetch_model, is_remote


@stage()
def registered(folder: Path, *, model: RegisteredModel) -> dict[str, Any]:
    """Write the model and its calibrator, so that this stands for both `final` and `threshold`.

    Figures: `threshold` and `views`.

    Raises:
        InputError: The file is not there any more, or is another than was registered.
    """
    copy = folder / MODEL
    try:
        if is_remote(model.address):
            # The artifact is the copy that is kept.
            fetch_model(model.address, folder / ".fetched").rename(copy)
            shutil.rmtree(folder / ".fetched")
        else:
            shutil.copyfile(model.address, copy)
    except FileNotFoundError as error:
        raise _lost(model, "is not there any more") from error
    if sha256_of(copy) != model.sha256:
        raise _lost(model, "is another file than was registered")
    (folder / CALIBRATOR).write_text(model.calibrator.to_json())
    return {"threshold": model.threshold, "views": model.views}


def _lost(model: RegisteredModel, how: str) -> InputError:
    return InputError(
        f"The registered model {model.address} {how}.",
        "Put it back, or return to the champion before it with `pcam rollback`.",
    )
