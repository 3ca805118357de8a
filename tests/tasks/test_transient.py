import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from pcam_core.errors import InputError
from tasks.transient import is_transient


def answer(status, code):
    details = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(details, "PutObject")


@pytest.mark.parametrize(
    "error",
    [
        ConnectionResetError(),
        TimeoutError(),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        answer(503, "SlowDown"),
        answer(400, "RequestTimeout"),
        answer(409, "ConditionalRequestConflict"),
        answer(409, "OperationAborted"),
    ],
)
def test_what_may_pass_is_tried_again(error):
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        InputError("The bucket is missing.", "Make it."),
        ValueError(),
        FloatingPointError(),
        OSError(28, "No space left on device"),
        answer(403, "AccessDenied"),
        answer(404, "NoSuchBucket"),
        answer(409, "BucketNotEmpty"),
    ],
)
def test_nothing_else_is(error):
    assert not is_transient(error)
