"""Looking at the data of a request before any flow runs."""

from flows.bad_items import all_bad_items_in
from flows.request import ValidateRequest
from pcam_core.datasets.dataset import Dataset
from pcam_core.datasets.opening import open_dataset
from tasks.transient import is_transient


def data_now(request: ValidateRequest) -> Dataset | None:
    """Open the data; None if the network fails, since a flow asks again, with patience.

    Raises:
        InputError: The data or the folder is wrong.
    """
    request.check_out()
    with all_bad_items_in(request.out):
        try:
            return open_dataset(request.data, request.cache)
        except Exception as error:
            if is_transient(error):
                return None
            raise
