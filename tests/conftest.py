import gc
import io
import os
import socket
import struct
from pathlib import Path
from urllib.request import Request, urlopen

# Read when Prefect is imported: nothing leaves this machine.
os.environ.update(
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    DO_NOT_TRACK="1",
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="180",
    PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW="ignore",
    PREFECT_LOGGING_EXTRA_LOGGERS="pcam_core,tasks,flows",
)

import pytest


def pytest_collection_finish():
    """Spare every later search for cycles the millions of objects of the libraries."""
    gc.freeze()


MINIATURE = Path(__file__).parent / "miniature.toml"


@pytest.fixture(scope="session")
def miniature_recipe():
    return str(MINIATURE)


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """A hundred and sixty labelled and twenty unlabelled generated patches."""
    from pcam_core.synth import write_dataset

    folder = tmp_path_factory.mktemp("generated") / "data"
    write_dataset(folder, train=160, test=20, seed=3)
    return folder


@pytest.fixture(scope="session")
def odd_tiffs():
    """Bytes of files that are no single 8-bit RGB TIFF of 96x96 pixels, by what is wrong."""
    import numpy as np
    from PIL import Image

    def encoded(image, **options):
        memory = io.BytesIO()
        image.save(memory, format="TIFF", **options)
        return memory.getvalue()

    pixels = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    plain = encoded(image)
    grey, deep = pixels[..., 0].astype(np.uint16), pixels.repeat(2, axis=-1)
    return {
        "truncated": plain[:20_000],
        "text": b"id,label\n",
        "64x64": encoded(image.resize((64, 64))),
        "grey-scale": encoded(image.convert("L")),
        "RGBA": encoded(image.convert("RGBA")),
        "CMYK": encoded(image.convert("CMYK")),
        "16-bit grey-scale": encoded(Image.fromarray(grey)),
        "16-bit RGB": _tiff(96, 96, 16, deep.tobytes()),
        "multi-page": encoded(image, save_all=True, append_images=[image]),
        "bomb": _tiff(60_000, 60_000, 8, b""),
        "smaller bomb": _tiff(10_000, 10_000, 8, b""),
    }


def _tiff(width, height, bits, pixels):
    """An uncompressed RGB TIFF whose header may promise what it likes."""
    start = 8 + len(pixels)
    tags = {256: width, 257: height, 258: 0, 259: 1, 262: 2, 273: 8, 277: 3, 278: height}
    tags[279] = len(pixels)
    end = start + 2 + 12 * len(tags) + 4
    content = struct.pack("<2sHI", b"II", 42, start) + pixels + struct.pack("<H", len(tags))
    for tag, value in tags.items():
        count, value = (3, end) if tag == 258 else (1, value)
        content += struct.pack("<HHII", tag, 3 if tag == 258 else 4, count, value)
    return content + struct.pack("<I3H", 0, bits, bits, bits)


@pytest.fixture(scope="session")
def endpoint():
    """Address of an S3 endpoint on this machine."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws_environment(endpoint, monkeypatch, tmp_path):
    """Points boto3's usual chain at the endpoint and at nothing else."""
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "not-a-real-key",
        "AWS_SECRET_ACCESS_KEY": "not-a-real-secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(tmp_path / "no-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "no-credentials"),
        "NO_PROXY": "127.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.fixture
def closed_endpoint(aws_environment, monkeypatch):
    """Host and port where nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{closed.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{address}")
        yield address


@pytest.fixture
def refused_key(aws_environment, endpoint):
    """The endpoint refuses every key."""

    def ask_keys_after(actions):
        plain = {"Content-Type": "text/plain"}
        urlopen(Request(f"{endpoint}/moto-api/reset-auth", actions, plain)).close()

    ask_keys_after(b"0")
    yield
    ask_keys_after(b"inf")


@pytest.fixture
def no_embedded_server(monkeypatch):
    """Commands in this process embed no server: they use the session's, if any."""
    monkeypatch.setenv("PREFECT_API_URL", "that of Prefect's settings")
    monkeypatch.delenv("PREFECT_HOME", raising=False)  # an embedded server's, of another test


@pytest.fixture(scope="session")
def prefect_server():
    """One Prefect server for the session; starting one takes ten seconds."""
    from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
    from prefect.testing.utilities import prefect_test_harness

    # At the end of every flow Prefect waits a second for the thread that sends heartbeats.
    still = temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None})
    with prefect_test_harness(server_startup_timeout=180), still:
        yield
