import io
import json
import logging
import zipfile

import pytest

from pcam_core.errors import InputError
from pcam_core.fetch import kaggle

SECRET = "KGAT_0123456789abcdef0123456789abcdef"  # gitleaks:allow: made up


@pytest.fixture
def archive(monkeypatch):
    """A small competition: five patches to learn from and two to score."""
    monkeypatch.setattr(kaggle, "COUNTS", {"train": 5, "test": 2})
    names = ["train_labels.csv", "test/5.tif", "test/6.tif"]
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as file:
        for name in [*names, *(f"train/{i}.tif" for i in range(5))]:
            file.writestr(name, name * 20_000)
        file.writestr("sample_submission.csv", bytes(4_000_000))  # kagglehub reads 1 MiB a time
    return memory.getvalue()


@pytest.fixture
def service(server, archive, monkeypatch, tmp_path):
    """Kaggle on this machine, and a home without credentials."""
    from kagglesdk import kaggle_env

    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY", "KAGGLE_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr("kagglehub.config.DEFAULT_KAGGLE_CREDENTIALS_FOLDER", "/nowhere")
    production = kaggle_env.KaggleEnv.PROD
    monkeypatch.setitem(kaggle_env._env_to_endpoint, production, server.address)
    monkeypatch.setattr(kaggle, "WAITS", (0.0, 0.0, 0.0))
    server.files["/archive.zip"] = archive
    return server


@pytest.fixture
def token(monkeypatch):
    monkeypatch.setenv("KAGGLE_API_TOKEN", SECRET)


@pytest.fixture
def out(tmp_path):
    return tmp_path / "data"


def refusal(out):
    with pytest.raises(InputError) as caught:
        kaggle.fetch_kaggle(out)
    assert not out.exists()
    assert caught.value.__cause__ is None or SECRET not in str(caught.value.__cause__)
    return caught.value


def assert_complete(out):
    assert {path.name for path in out.iterdir()} == {
        "train_labels.csv",
        "sample_submission.csv",
        "train",
        "test",
    }
    assert len(list((out / "train").iterdir())) == 5
    assert not out.with_name(".data.kagglehub").exists()


def test_the_folder_is_what_train_takes(service, token, out, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    assert kaggle.fetch_kaggle(out) == out
    assert_complete(out)
    assert service.authorized == [f"Bearer {SECRET}"]
    assert SECRET not in caplog.text + "".join(capfd.readouterr())


def test_a_second_call_asks_nobody(service, token, out, monkeypatch):
    kaggle.fetch_kaggle(out)
    monkeypatch.delenv("KAGGLE_API_TOKEN")
    assert kaggle.fetch_kaggle(out) == out
    assert len(service.authorized) == 1


def test_an_empty_folder_is_filled_and_another_left_alone(service, token, out):
    out.mkdir()
    kaggle.fetch_kaggle(out)
    assert_complete(out)
    next((out / "train").iterdir()).unlink()
    with pytest.raises(InputError, match="holds something else, or an incomplete copy"):
        kaggle.fetch_kaggle(out)
    assert len(list((out / "train").iterdir())) == 4


def test_missing_credentials(service, out):
    error = refusal(out)
    assert "no usable credentials" in error.problem
    assert all(word in error.remedy for word in ("KAGGLE_API_TOKEN", "kaggle.json", "KAGGLE_KEY"))
    assert service.authorized == []
    assert not out.with_name(".data.kagglehub").exists()


@pytest.mark.parametrize("content", [f'{{"username": "{SECRET}', f'["{SECRET}"]', "{}"])
def test_a_damaged_credentials_file_is_not_quoted(service, out, tmp_path, monkeypatch, content):
    (tmp_path / "kaggle.json").write_text(content)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    assert SECRET not in str(refusal(out))


def test_a_legacy_key_is_enough(service, out, tmp_path, monkeypatch):
    (tmp_path / "kaggle.json").write_text(json.dumps({"username": "someone", "key": SECRET}))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    kaggle.fetch_kaggle(out)
    assert_complete(out)


@pytest.mark.parametrize(
    ("status", "problem", "remedy"),
    [
        (401, "refuses the credentials (answer: 401)", "new token"),
        (403, "keeps the data from this account (answer: 403)", "/rules"),
        (404, "does not find the competition (answer: 404)", "browser"),
        (400, "does not give the data (answer: 400)", "browser"),
    ],
)
def test_refusals(service, token, out, status, problem, remedy):
    service.posts = [status]
    error = refusal(out)
    assert problem in error.problem
    assert remedy in error.remedy
    assert len(service.authorized) == 1


def test_a_busy_kaggle_is_asked_again(service, token, out):
    service.posts = [503, 429]
    kaggle.fetch_kaggle(out)
    assert_complete(out)


def test_an_unreachable_kaggle_is_explained(service, token, out):
    service.posts = [503] * 9
    assert "cannot be used now (it answers 503)" in refusal(out).problem
    assert len(service.authorized) == 4


def test_a_cut_connection_goes_on(service, token, out, answer):
    service.answers = [answer(cut=2_500_000)]
    kaggle.fetch_kaggle(out)
    assert_complete(out)
    start = int(service.asked[-1]["Range"].removeprefix("bytes=").removesuffix("-"))
    assert 0 < start <= 2_500_000


def test_progress_earns_new_tries(service, token, out, answer, monkeypatch):
    monkeypatch.setattr(kaggle, "WAITS", (0.0,))
    service.usual = answer(cut=1_200_000)
    kaggle.fetch_kaggle(out)
    assert_complete(out)
    assert len(service.authorized) > 3


def test_what_a_killed_call_left_is_gone_on_with(service, token, out, archive):
    folder = out.with_name(".data.kagglehub") / "competitions"
    folder.mkdir(parents=True)
    (folder / f"{kaggle.COMPETITION}.archive").write_bytes(archive[:100_000])
    half = folder / kaggle.COMPETITION / "train"
    half.mkdir(parents=True)
    (half / "0.tif").write_text("half")
    kaggle.fetch_kaggle(out)
    assert_complete(out)
    assert (out / "train" / "0.tif").read_text().startswith("train/0.tif")
    assert service.asked[-1]["Range"] == "bytes=100000-"


def test_a_damaged_archive_is_fetched_again(service, token, out, answer):
    service.answers = [answer(body=b"no archive")]
    kaggle.fetch_kaggle(out)
    assert_complete(out)


def test_an_archive_with_something_missing_is_not_taken(service, token, out, monkeypatch):
    monkeypatch.setattr(kaggle, "COUNTS", {"train": 6, "test": 2})
    assert "is not 6 labelled" in refusal(out).problem


def test_too_little_disk_is_said_before_the_download(service, token, out, monkeypatch):
    monkeypatch.setattr(kaggle, "_SPACE", 1 << 60)
    assert "The download needs" in refusal(out).problem
    assert service.authorized == []
