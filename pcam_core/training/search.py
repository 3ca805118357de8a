"""One Hyperband search over a registered architecture."""

from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import keras_tuner
import pandas as pd
from keras_tuner.errors import FailedTrialError, FatalError

from pcam_core.errors import InputError
from pcam_core.storage_fault import storage_fault
from pcam_core.training.shared_search import is_worker, tuner_id
from pcam_core.training.stall import StalledError
from pcam_core.training.trial_columns import TOLD
from pcam_core.training.trials import Trials, own_values


def hyperband(trials: Trials, *, max_epochs: int, factor: int) -> pd.DataFrame:
    """Search, and return the trials, best first.

    A search that was stopped is gone through again, and trials that have ended are only read:
    the draws follow from the seed and the scores. So nothing that keras-tuner writes, in place
    and without checksums, is ever read. A trial that failed is tried again then.

    Where keras-tuner's environment variables name a chief (KERASTUNER_ORACLE_IP,
    KERASTUNER_ORACLE_PORT, KERASTUNER_TUNER_ID), the chief hands out trials and returns them all,
    and the workers train.

    Args:
        trials: What is trained on what.
        max_epochs: Epochs of the longest trials.
        factor: One of so many trials goes on.

    Returns:
        Columns trial, status (COMPLETED or FAILED), score (best epoch's objective), epochs,
        goes_on_from (an earlier trial or ""), seconds, note (why it failed), and one a
        hyperparameter. Without rows for a worker.

    Raises:
        InputError: No trial could be trained.
    """
    space = keras_tuner.HyperParameters()
    trials.draw(space)
    tuner = _Hyperband(
        trials,
        hyperparameters=space,
        objective=keras_tuner.Objective(trials.objective, "max"),
        max_epochs=max_epochs,
        factor=factor,
        seed=trials.trainer.settings.seed,
        max_consecutive_failed_trials=None,
    )
    try:
        # keras-tuner prints a number whenever it sends a condition to another process.
        with redirect_stdout(StringIO()):
            tuner.search(verbose=0)
    except FatalError as error:
        raise error.__cause__ or error from None
    return pd.DataFrame() if is_worker() else _table(tuner, trials)


class _Hyperband(keras_tuner.Hyperband):
    def __init__(self, trials: Trials, *, max_epochs: int, **settings: Any) -> None:
        self.trials = trials
        self.max_epochs = max_epochs
        super().__init__(
            max_epochs=max_epochs,
            directory=str(trials.folder),
            project_name=f"keras-tuner-{tuner_id()}",
            overwrite=True,
            **settings,
        )

    def run_trial(self, trial: Any, *args: Any, **told: Any) -> dict[str, float]:
        del args, told
        hp = trial.hyperparameters
        origin = hp.values.get("tuner/trial_id")
        what = f"Tune {self.trials.name}, trial {trial.trial_id}"
        try:
            score = self.trials.train(hp, f"{what} (from {origin})" if origin else what)
        except Exception as error:
            # These would end every other trial as well.
            if isinstance(error, InputError | StalledError) or storage_fault(error):
                raise FatalError(str(error)) from error
            raise FailedTrialError(str(error)) from error
        if hp.values["tuner/epochs"] == self.max_epochs:
            self.trials.forget(hp)
        return {self.trials.objective: score}


def _table(tuner: _Hyperband, trials: Trials) -> pd.DataFrame:
    rows, spent = [], dict[str, float]()
    for trial in tuner.oracle.trials.values():
        hp = trial.hyperparameters
        ended, origin = trials.outcome(hp), hp.values.get("tuner/trial_id", "")
        spent[trial.trial_id] = ended.seconds if ended else 0.0
        told = {
            "trial": trial.trial_id,
            "status": trial.status,
            "score": trial.score,
            "epochs": hp.values["tuner/epochs"],
            "goes_on_from": origin,
            "seconds": round(max(spent[trial.trial_id] - spent.get(origin, 0.0), 0.0), 1),
            "note": ended.note if ended else "",
        }
        rows.append(told | own_values(hp))
    # The id makes the order of equal scores certain.
    table = pd.DataFrame(rows).sort_values(
        ["score", "trial"], ascending=[False, True], ignore_index=True
    )
    if not (table["status"] == "COMPLETED").any():
        raise InputError(
            f"None of {len(table)} trials of {trials.name} could be trained"
            f" ({table['note'].iloc[0]}).",
            "Narrow tune.space, or lower tune.training.batch_size or network.image_size.",
        )
    drawn = [each.name for each in tuner.oracle.hyperparameters.space]
    return table[[*TOLD, *(name for name in drawn if name in table)]]
