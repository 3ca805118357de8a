"""The real service, `pcam up` with its server, worker and MLflow, and an S3 that may fail.

The databases of Prefect and MLflow are SQLite; new ones of a PostgreSQL server where
PCAM_TEST_POSTGRES names one. S3 is moto's server, or the one at PCAM_TEST_S3.
"""

import asyncio
import logging
import os
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from threading import Lock, Thread

import asyncpg
import boto3
import psutil
import pytest
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from prefect.client.base import PrefectHttpxSyncClient
from werkzeug.middleware.http_proxy import ProxyMiddleware
from werkzeug.serving import make_server

from deployments.service.environment import AUTH, MARK

PCAM = Path(sys.executable).with_name("pcam")
AUTHORISATION = "somebody:planted-password-4711"


class Service:
    """A service that runs, with a password.

    Args:
        home: Its folder.
        databases: Variables that name its databases, of which no command is told.
        secrets: Variables of its environment, and of every command.
    """

    def __init__(self, home, databases, secrets):
        self.home = home
        self.authorisation = AUTHORISATION
        foreign = ("PREFECT_", "MLFLOW_", "PCAM_", "CUDA_", "AWS_")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        self._environment = {**kept, **secrets, AUTH: AUTHORISATION}
        self.port, self._mlflow_port = _free_port(), _free_port()
        self.mlflow = f"http://127.0.0.1:{self._mlflow_port}"
        # A command finds SQLite in the folder, and another database behind the server only.
        self._registry = {"MLFLOW_TRACKING_URI": self.mlflow} if databases else {}
        self._databases = databases
        # As Prefect's own clients do: SQLite may be locked for a minute, and then 503 is told.
        self.api = PrefectHttpxSyncClient(
            raise_on_all_errors=False,
            base_url=f"http://127.0.0.1:{self.port}/api/",
            auth=tuple(AUTHORISATION.split(":")),
            timeout=90,
        )
        self.log = home.parent / "up.log"

    def start(self):
        """Start it, and wait until everything answers."""
        ports = ("--port", str(self.port), "--mlflow-port", str(self._mlflow_port))
        with self.log.open("w") as output:
            self.process = subprocess.Popen(
                [PCAM, "up", *ports],
                env=self._environment | self._databases,
                cwd=self.home.parent,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.until(lambda: "Ctrl-C" in self.log.read_text(), 240)

    def kill(self):
        """Kill all of it at once, as a loss of power does."""
        self.process.kill()
        self.process.wait()
        for process in self.family():
            process.kill()

    def pcam(self, *arguments, **variables):
        """Give a command beside the home, which has the default name."""
        return subprocess.run(
            [PCAM, *arguments],
            env=self._environment | self._registry | variables,
            cwd=self.home.parent,
            capture_output=True,
            text=True,
            timeout=240,
        )

    def family(self, word=""):
        """Its processes; those only that have a word in their command, where one is given."""
        found = []
        for process in psutil.process_iter():
            try:
                ours = process.environ().get(MARK) == str(self.home)
                if ours and (not word or word in process.cmdline()):
                    found.append(process)
            except psutil.Error:
                continue
        return found

    def deployment(self, name):
        """What the API tells of a deployment."""
        return self.api.get(f"deployments/name/{name}/{name}").json()

    def submit(self, name, request, key=None, parameters=None):
        """Ask for a run as the UI's form does, with further parameters of the flow if need be."""
        given = {"request": request, **(parameters or {})}
        body = {"parameters": given, "idempotency_key": key}
        return self.api.post(
            f"deployments/{self.deployment(name)['id']}/create_flow_run", json=body
        )

    def runs_of(self, name):
        """All runs of a deployment."""
        chosen = {"deployments": {"name": {"any_": [name]}}}
        return self.api.post("flow_runs/filter", json=chosen).json()

    def log_of(self, run):
        """The messages that a run has logged."""
        chosen = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"}
        return [line["message"] for line in self.all_of("logs", **chosen)]

    def all_of(self, what, **chosen):
        """All that the API tells of a kind of things, page by page."""
        found = []
        while page := self.api.post(f"{what}/filter", json=chosen | {"offset": len(found)}).json():
            found += page
        return found

    def until(self, condition, seconds=120):
        """Wait for a condition and return what it says."""
        end = time.monotonic() + seconds
        while not (found := condition()):
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.25)
        return found


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """Start a service with further variables, and end it after the block."""

    @contextmanager
    def running(**variables):
        home = tmp_path_factory.mktemp("service") / "pcam-service"
        service = Service(home, _databases(), variables)
        try:
            service.start()
            yield service
        finally:
            service.kill()

    return running


class FaultyS3:
    """An S3 endpoint with one bucket, "pcam", that fails for a while when it is told to.

    A failing endpoint answers 503, drops the connection, or does what it is asked and drops the
    connection amid the answer, in turn.

    Args:
        folder: Where no settings of boto3 are.
    """

    def __init__(self, folder):
        self.faults = Counter()
        self._waiting, self._failing_until, self._lock = [], 0.0, Lock()
        self._kinds = cycle(["503", "dropped", "cut"])
        self._sound = _sound_s3()
        self.server = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=MotoRequestHandler
        )
        endpoint = f"http://127.0.0.1:{self.server.server_port}"
        key, secret = "planted:id-4714", "planted-key-4715"
        self.environment = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(folder / "no-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-credentials"),
            "NO_PROXY": "127.0.0.1",
        }
        self._client = boto3.Session(key, secret, region_name="us-east-1").client(
            "s3", endpoint_url=endpoint
        )

    def start(self):
        """Serve, and make the bucket."""
        Thread(target=self.server.serve_forever, daemon=True).start()
        self._client.create_bucket(Bucket="pcam")

    def upload(self, files, prefix):
        """Put files below a prefix, each by its path in its folder: (folder, path) pairs."""
        for folder, path in files:
            name = path.relative_to(folder).as_posix()
            self._client.upload_file(str(path), "pcam", f"{prefix}/{name}")

    def objects(self, prefix):
        """Return the content of all objects below a prefix, by the rest of their names."""
        found = self._client.list_objects_v2(Bucket="pcam", Prefix=f"{prefix}/").get("Contents", ())
        return {
            entry["Key"].removeprefix(f"{prefix}/"): self._client.get_object(
                Bucket="pcam", Key=entry["Key"]
            )["Body"].read()
            for entry in found
        }

    def fail_from(self, method, prefix, seconds):
        """Fail for so long from the next request of this kind on."""
        self._waiting.append((method, f"/pcam/{prefix}/", seconds))

    def _answer(self, environ, start_response):
        fault = self._fault(environ["REQUEST_METHOD"], environ["PATH_INFO"])
        if fault is None:
            return self._sound(environ, start_response)
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)) if fault != "cut" else 0
        if fault == "503":
            body = b"<Error><Code>SlowDown</Code><Message>Slow down.</Message></Error>"
            headers = [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))]
            start_response("503 Slow Down", headers)
            return [body]
        return self._cut(environ, start_response, done=fault == "cut")

    def _cut(self, environ, start_response, *, done):
        if done:
            body = b"".join(self._sound(environ, start_response))
            if len(body) > 1:
                yield body[: len(body) // 2]
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        raise ConnectionAbortedError

    def _fault(self, method, path):
        now = time.monotonic()
        with self._lock:
            for waiting in self._waiting:
                if waiting[0] == method and path.startswith(waiting[1]):
                    self._waiting.remove(waiting)
                    self._failing_until = now + waiting[2]
                    break
            if now > self._failing_until:
                return None
            fault = next(self._kinds)
            self.faults[fault] += 1
            return fault


def _sound_s3():
    """Return an S3 server as a WSGI application: moto's, or the one that is to be tested with."""
    server = os.environ.get("PCAM_TEST_S3")
    if not server:
        return DomainDispatcherApplication(create_backend_app)
    # A signature covers the host that the client asked.
    same = {"target": server, "host": None, "headers": {}, "remove_prefix": False}
    proxy = ProxyMiddleware(None, {})
    return lambda environ, start_response: proxy.proxy_to(same, environ["PATH_INFO"], "")(
        environ, start_response
    )


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # it tells of every request
    endpoint = FaultyS3(tmp_path_factory.mktemp("s3"))
    endpoint.start()
    yield endpoint
    endpoint.server.shutdown()


def _databases():
    """Make two databases on the PostgreSQL server that is to be tested with, if one is."""
    server = os.environ.get("PCAM_TEST_POSTGRES")
    if not server:
        return {}
    prefect, mlflow = (f"{name}_{uuid.uuid4().hex}" for name in ("prefect", "mlflow"))

    async def create():
        connection = await asyncpg.connect(f"{server}/postgres")
        for name in (prefect, mlflow):
            await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()

    asyncio.run(create())
    driven = server.replace("postgresql://", "postgresql+asyncpg://")
    return {
        "PREFECT_API_DATABASE_CONNECTION_URL": f"{driven}/{prefect}",
        "MLFLOW_TRACKING_URI": f"{server}/{mlflow}",
    }


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
