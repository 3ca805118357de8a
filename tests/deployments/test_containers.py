"""The container files against the code and the locks; nothing is started."""

import json
import re
import shlex
import subprocess
from importlib.metadata import entry_points
from pathlib import Path

import keras
import mlflow
import mlflow.environment_variables
import prefect
import pytest
import yaml
from docker.types import DeviceRequest
from jsonschema import Draft202012Validator
from prefect.settings import Settings
from prefect.utilities.templating import apply_values, find_placeholders

import deployments
from deployments.prefect_settings import SETTINGS
from deployments.service.commands import POOL
from deployments.service.environment import addresses, environment
from deployments.service.home import Home

ROOT = Path(deployments.__file__).parent.parent
HERE = ROOT / "deployments" / "containers"
DOCKERFILE = (HERE / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((HERE / "compose.yaml").read_text())
SERVICES = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("pcam:")}
KUBERNETES = list(yaml.safe_load_all((HERE / "worker.yaml").read_text()))
POOLS = {
    name: json.loads((HERE / f"{name}-pool.json").read_text()) for name in ("docker", "kubernetes")
}
EVERY_FILE = sorted(path for path in HERE.iterdir() if path.name != ".env")

# Of prefect-kubernetes, which only the image has, and of boto3's chain.
OTHERS = re.compile(
    r"PREFECT_INTEGRATIONS_KUBERNETES_(WORKER_API_AUTH_STRING_SECRET_(NAME|KEY)|OBSERVER_NAMESPACES)"
    r"|AWS_(ENDPOINT_URL|DEFAULT_REGION|ACCESS_KEY_ID|SECRET_ACCESS_KEY|SHARED_CREDENTIALS_FILE)"
)


def versions(lock):
    return dict(re.findall(r"^([A-Za-z0-9._-]+)==([^ ;]+)", lock.read_text(), re.MULTILINE))


def image_environment():
    text = DOCKERFILE.replace("\\\n", " ")
    lines = [line.removeprefix("ENV ") for line in text.splitlines() if line.startswith("ENV ")]
    return dict(pair.split("=", 1) for line in lines for pair in shlex.split(line))


def kubernetes(kind):
    (found,) = (one for one in KUBERNETES if one["kind"] == kind)
    return found


def worker_container():
    (container,) = kubernetes("Deployment")["spec"]["template"]["spec"]["containers"]
    return container


def defaults(pool):
    fields = POOLS[pool]["variables"]["properties"]
    return {name: field["default"] for name, field in fields.items() if "default" in field}


def kubernetes_job(**values):
    found = {name: value for name, value in defaults("kubernetes").items() if value is not None}
    manifest = POOLS["kubernetes"]["job_configuration"]["job_manifest"]
    return apply_values(manifest, found | values)


def environments():
    """Every environment of one of our processes: where it is written, and its variables."""
    yield "Dockerfile", {n: v for n, v in image_environment().items() if not n.startswith("PIP_")}
    for name, service in OURS.items():
        yield name, service["environment"]
    yield "docker-pool.json", defaults("docker")["env"]
    yield "ConfigMap", kubernetes("ConfigMap")["data"]
    yield "Deployment", {one["name"]: one["value"] for one in worker_container()["env"]}


def known_to_prefect(model=Settings):
    for field in model.model_fields.values():
        annotation = field.annotation
        if hasattr(annotation, "model_fields"):
            yield from known_to_prefect(annotation)
    prefix = model.model_config.get("env_prefix", "")
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}".upper()
        for alias in getattr(field.validation_alias, "choices", ()):
            if isinstance(alias, str):
                yield alias.upper()


def in_sources(variable, *folders):
    quoted = f'"{variable}"'
    return any(quoted in path.read_text() for folder in folders for path in folder.rglob("*.py"))


@pytest.mark.parametrize(
    ("place", "variables"), list(environments()), ids=[place for place, _ in environments()]
)
def test_somebody_reads_every_variable(place, variables):
    prefects = set(known_to_prefect())
    ours = [ROOT / layer for layer in ("pcam_core", "tasks", "flows", "deployments")]
    mlflows = [Path(mlflow.__file__).parent / "cli", Path(mlflow.__file__).parent / "utils"]
    for name in variables:
        known = (
            name in prefects
            or name in SETTINGS
            or OTHERS.fullmatch(name)
            or hasattr(mlflow.environment_variables, name)
            or (name.startswith("MLFLOW_") and in_sources(name, *mlflows))
            or (
                name == "KERAS_HOME"
                and in_sources(name, Path(keras.__file__).parent / "src/backend")
            )
            or in_sources(name, *ours)
        )
        assert known, f"{name} in {place}"


def test_the_image_tells_what_our_processes_are_told():
    assert SETTINGS.items() <= image_environment().items()


def test_the_server_is_told_what_that_of_one_machine_is_told(monkeypatch):
    monkeypatch.setattr("os.environ", {})
    told = SERVICES["prefect"]["environment"]
    alone = environment(Home(Path("pcam-service")), addresses("127.0.0.1", 4200, 5000, []))
    servers = {name for name in alone if name.startswith("PREFECT_SERVER_")} - SETTINGS.keys()
    assert {name: told.get(name) for name in servers} == {name: alone[name] for name in servers}


def test_the_image_has_the_locked_versions():
    product = versions(ROOT / "requirements.lock")
    installs = re.findall(r"pip install ([^;&\\\n]+)", DOCKERFILE)
    assert [one.split() for one in installs[:-1]] == [
        ["--require-hashes", "-r", f"{name}.lock"] for name in ("requirements", "workers", "gpu")
    ]
    assert image_environment()["PIP_NO_DEPS"] == "1"
    assert installs[-1].split() == ["--no-build-isolation", "--no-index", "."]
    assert product["prefect"] == prefect.__version__
    for name in ("workers", "gpu"):
        lock = HERE / f"{name}.lock"
        assert not versions(lock).keys() & product.keys(), "one lock a package"
        assert lock.read_text().count("==") == len(versions(lock)), "no version is left open"
        blocks = re.split(r"\n(?=\S)", lock.read_text().strip())
        assert all("--hash=sha256:" in block for block in blocks)
    asked = (HERE / "workers.in").read_text().split()
    found = versions(HERE / "workers.lock")
    assert all(found[name] == version for name, version in (one.split("==") for one in asked))
    assert (HERE / "gpu.in").read_text().strip() == f"tensorflow[and-cuda]=={product['tensorflow']}"


def test_tensorflow_gets_the_cuda_libraries_that_it_asks_for():
    from importlib.metadata import requires

    from packaging.requirements import Requirement

    found = versions(HERE / "gpu.lock")
    asked = [Requirement(one) for one in requires("tensorflow") if "nvidia" in one]
    assert {one.name for one in asked} <= found.keys()
    assert all(one.specifier.contains(found[one.name]) for one in asked)


def test_every_copied_path_is_in_git_and_not_ignored():
    sources = [
        source
        for line in re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert sources
    allowed = (HERE / "Dockerfile.dockerignore").read_text().split()
    command = ["git", "-C", ROOT, "ls-files", "--cached", "--"]
    for source in sources:
        assert subprocess.run([*command, source], capture_output=True, check=True).stdout, source
        assert f"!{source.split('/')[0]}" in allowed


def test_the_image_runs_as_nobody_special_who_owns_the_folder_of_runs():
    last = re.findall(r"^USER (.+)$", DOCKERFILE, re.MULTILINE)[-1]
    assert last == "1000:1000"
    assert "useradd --uid 1000" in DOCKERFILE
    home = image_environment()["PCAM_HOME"]
    # Prefect's server copies its UI; its own place for that is root's.
    pages = image_environment()["PREFECT_SERVER_UI_STATIC_DIRECTORY"]
    (slots,) = SERVICES["prefect"]["volumes"]
    own = f"{home} {slots.removeprefix('prefect:')} {pages}"
    assert f"install --directory --owner pcam --group pcam {own}\n" in DOCKERFILE
    mounts = {mount for one in OURS.values() for mount in one.get("volumes", [])}
    assert mounts == {f"runs:{home}", slots}
    assert defaults("docker")["volumes"][0] == f"{COMPOSE['volumes']['runs']['name']}:{home}"
    (container,) = kubernetes_job()["spec"]["template"]["spec"]["containers"]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == [home]
    for pod in (
        kubernetes("Deployment")["spec"]["template"]["spec"],
        kubernetes_job()["spec"]["template"]["spec"],
    ):
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 1000


def commands():
    yield from ((name, one["command"]) for name, one in OURS.items())
    yield "Deployment", worker_container()["command"]


@pytest.mark.parametrize(
    ("place", "command"), list(commands()), ids=[place for place, _ in commands()]
)
def test_every_command_exists_with_its_options(place, command):
    scripts = {one.name for one in entry_points(group="console_scripts")}
    assert command[0] in scripts
    words = [word for word in command[1:] if re.fullmatch(r"[a-z]+", word)]
    options = [word for word in command[1:] if word.startswith("--") and word != "--no-prompt"]
    if command[0] == "prefect":
        known = re.findall(
            r'"(--[a-z-]+)"|^    ([a-z_]+): Annotated',
            (Path(prefect.__file__).parent / "cli" / f"{words[0]}.py").read_text(),
            re.MULTILINE,
        )
        known = {long or f"--{name.replace('_', '-')}" for long, name in known}
    elif command[0] == "mlflow":
        from mlflow.cli import cli

        known = {option for one in cli.commands[words[0]].params for option in one.opts}
    else:
        from typer.main import get_command

        from deployments.cli import app

        known = {
            option for one in get_command(app).commands[words[0]].params for option in one.opts
        }
    assert set(options) <= known


def test_workers_serve_the_pool_that_deployments_run_in_one_run_at_a_time():
    for name in ("worker-cpu", "worker-gpu"):
        command = SERVICES[name]["command"]
        assert command[command.index("--pool") + 1] == POOL
        assert command[command.index("--limit") + 1] == "1"
    command = worker_container()["command"]
    assert command[command.index("--pool") + 1] == POOL


def test_no_two_runs_get_one_card():
    (card,) = SERVICES["worker-gpu"]["deploy"]["resources"]["reservations"]["devices"]
    assert card == {"driver": "nvidia", "device_ids": ["0"], "capabilities": ["gpu"]}
    assert SERVICES["worker-cpu"]["profiles"] != SERVICES["worker-gpu"]["profiles"]
    assert SERVICES["deploy"]["command"][-2:] == ["--cards", "1"]
    (lent,) = defaults("docker")["container_create_kwargs"]["device_requests"]
    assert DeviceRequest(**lent)["DeviceIDs"] == card["device_ids"]
    (container,) = kubernetes_job()["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_other_machines_meet_a_password_or_nothing():
    server = SERVICES["prefect"]["environment"]
    assert server["PREFECT_SERVER_API_AUTH_STRING"].startswith("${PREFECT_SERVER_API_AUTH_STRING:?")
    published = [port for one in SERVICES.values() for port in one.get("ports", [])]
    assert published == [f"127.0.0.1:{port}:{port}" for port in (9000, 4200, 5000)]


def test_mlflow_keeps_artifacts_in_the_bucket_and_takes_calls_by_its_name():
    told = SERVICES["mlflow"]["environment"]
    assert told["MLFLOW_SERVE_ARTIFACTS"] == "true"
    assert told["MLFLOW_ARTIFACTS_DESTINATION"].startswith("s3://pcam/")
    (address,) = {
        SERVICES[name]["environment"]["MLFLOW_TRACKING_URI"] for name in OURS if "worker" in name
    }
    assert address.removeprefix("http://") in told["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")


def test_every_service_that_stays_is_watched_and_waits_for_what_it_needs():
    for name, service in SERVICES.items():
        for needed, how in service.get("depends_on", {}).items():
            stays = "healthcheck" in SERVICES[needed]
            assert how["condition"] == (
                "service_healthy" if stays else "service_completed_successfully"
            )
        assert ("healthcheck" in service) != (name in {"bucket", "deploy"})
        assert not service["image"].endswith(":latest")
        assert ":" in service["image"]
    probes = worker_container().keys() & {"startupProbe", "livenessProbe", "readinessProbe"}
    assert len(probes) == 3


def test_addresses_in_compose_are_services_and_volumes_are_declared():
    text = (HERE / "compose.yaml").read_text()
    hosts = set(re.findall(r"(?:http://|@)([a-z0-9.]+):\d+", text)) - {"127.0.0.1"}
    assert hosts <= SERVICES.keys()
    hosts = re.findall(r"http://([a-z0-9]+):", json.dumps(defaults("docker")["env"]))
    assert set(hosts) <= SERVICES.keys()
    assert defaults("docker")["networks"] == [COMPOSE["networks"]["default"]["name"]]
    named = {
        mount.split(":")[0]
        for one in SERVICES.values()
        for mount in one.get("volumes", [])
        if not mount.startswith("./")
    }
    assert named == COMPOSE["volumes"].keys()
    files = {
        mount.split(":")[0]
        for one in SERVICES.values()
        for mount in one.get("volumes", [])
        if mount.startswith("./")
    }
    assert all((HERE / name).is_file() for name in files)


@pytest.mark.parametrize("pool", POOLS)
def test_a_job_template_fills_from_its_variables(pool):
    template = POOLS[pool]
    schema = template["variables"]
    Draft202012Validator.check_schema(schema)
    asked = {one.name for one in find_placeholders(template["job_configuration"])}
    assert asked == schema["properties"].keys()
    Draft202012Validator(schema).validate(defaults(pool))


def test_kubernetes_jobs_find_what_the_worker_file_makes():
    named = {(one["kind"], one["metadata"]["name"]) for one in KUBERNETES}
    pod = kubernetes_job()["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    for volume in pod["volumes"]:
        assert ("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]) in named
    assert ("ServiceAccount", pod["serviceAccountName"]) in named
    assert container["envFrom"] == worker_container()["envFrom"]
    assert ("ConfigMap", container["envFrom"][0]["configMapRef"]["name"]) in named
    assert {one["metadata"].get("namespace") for one in KUBERNETES} == {
        defaults("kubernetes")["namespace"]
    }
    assert not any(one["kind"] == "Secret" for one in KUBERNETES)


def test_no_file_holds_a_secret():
    for line in (HERE / ".env.example").read_text().splitlines():
        assert not line or line.startswith("#") or line.endswith("="), line
    assert (HERE / ".gitignore").read_text() == ".env\n"
    secret = re.compile(
        r"AUTH_STRING$|PASSWORD$|SECRET_ACCESS_KEY$|ACCESS_KEY_ID$|SIGNING_KEY$|WEBHOOK$"
    )
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if secret.search(variable):
                assert re.fullmatch(r"\$\{[A-Z_]+:(\?.*|-)\}", value), (name, variable)
    for place, variables in environments():
        if place not in OURS:
            assert not any(secret.search(name) for name in variables)
    for path in EVERY_FILE:
        text = path.read_text()
        assert not re.search(r"://[^/\s@$]+:[^/\s@$]+@", text), f"a password in {path.name}"
        assert not re.search(r"AKIA[0-9A-Z]{16}|-----BEGIN", text)


def test_every_secret_that_compose_asks_for_is_in_the_example():
    asked = set(re.findall(r"(?<!\$)\$\{([A-Z_]+)", (HERE / "compose.yaml").read_text()))
    offered = set(re.findall(r"^([A-Z_]+)=", (HERE / ".env.example").read_text(), re.MULTILINE))
    assert asked == offered


def test_the_policy_allows_no_removal_and_no_other_bucket():
    policy = json.loads((HERE / "policy.json").read_text())
    for statement in policy["Statement"]:
        assert statement["Effect"] == "Allow"
        assert not any("*" in action or "Delete" in action for action in statement["Action"])
        assert all(one.startswith("arn:aws:s3:::pcam") for one in statement["Resource"])


def test_the_user_of_the_store_may_do_what_the_policy_says():
    told = json.loads(COMPOSE["configs"]["s3_users"]["content"])
    (user,), (policy,) = told["identities"], told["policies"]
    assert user["policyNames"] == [policy["name"]]
    assert json.loads(policy["content"]) == json.loads((HERE / "policy.json").read_text())
    assert "actions" not in user
    (keys,) = user["credentials"]
    client = SERVICES["mlflow"]["environment"]
    assert keys == {
        "accessKey": client["AWS_ACCESS_KEY_ID"],
        "secretKey": client["AWS_SECRET_ACCESS_KEY"],
    }


def test_the_store_shows_nothing_but_s3_and_tells_nobody_of_itself():
    store = SERVICES["s3"]
    told = dict(one.removeprefix("-").split("=") for one in store["command"] if "=" in one)
    assert told["ip"] == "127.0.0.1"
    assert "ip.bind" not in told, "what lies behind S3 listens where -ip says"
    assert told["master.telemetry"] == told["s3.iam"] == told["s3.autoCreateBucket"] == "false"
    assert store["healthcheck"]["test"][-1].startswith(f"http://127.0.0.1:{told['s3.port']}/")
    address = SERVICES["mlflow"]["environment"]["AWS_ENDPOINT_URL"]
    assert address == f"http://s3:{told['s3.port']}"
    (config,) = store["configs"]
    assert told["s3.config"] == config["target"]
    assert config["source"] in COMPOSE["configs"]
    assert SERVICES["bucket"]["network_mode"] == "service:s3"
    assert SERVICES["bucket"]["environment"] == store["environment"]
    assert store["environment"].keys() == {"WEED_JWT_FILER_SIGNING_KEY"}


def test_images_come_from_no_registry_of_their_own():
    images = [one["image"] for one in SERVICES.values()]
    images += [defaults(pool)["image"] for pool in POOLS] + [worker_container()["image"]]
    assert not any("." in image.partition("/")[0].partition(":")[0] for image in images)
    for path in EVERY_FILE:
        assert not re.search(r"docker\.io|ghcr\.io|quay\.io", path.read_text()), path.name


def test_the_readme_names_every_place_of_an_image_in_kubernetes():
    text = (HERE / "README.md").read_text()
    assert f"`image: {worker_container()['image']}`" in text
    assert f"`{defaults('kubernetes')['image']}`" in text
    address = kubernetes("ConfigMap")["data"]["MLFLOW_TRACKING_URI"]
    assert f"`MLFLOW_SERVER_ALLOWED_HOSTS={address.removeprefix('http://')}`" in text
