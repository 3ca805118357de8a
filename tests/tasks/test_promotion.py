from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from typer.testing import CliRunner

from deployments.cli import app
from pcam_core.errors import InputError
from tasks import promotion, registry_lease
from tasks.champion import champion
from tasks.mlflow_connection import tracking_uri
from tasks.promotion import keep, promote, roll_back, rolled_back
from tasks.registry import MODEL


@pytest.fixture
def versions(client):
    """Three versions, none of them champion."""
    client.create_registered_model(MODEL)
    run = client.create_run("0").info.run_id
    tags = {"address": "/model.keras", "sha256": "0" * 64, "threshold": "0.5", "metrics": "{}"}
    for _ in range(3):
        client.create_model_version(MODEL, "/model.keras", run, tags=tags)


@pytest.fixture
def now(out):
    return lambda: getattr(champion(tracking_uri(out)), "version", None)


def tag(client, version, name):
    return client.get_model_version(MODEL, str(version)).tags.get(name)


def test_a_winner_and_a_loser(out, versions, client, now, prefect_server):
    assert promote(out, 1, None, "there was no champion")
    assert now() == 1
    assert promote(out, 2, 1, "AUC +0.02")
    assert now() == 2
    assert tag(client, 2, "reason") == "AUC +0.02"
    keep(out, 3, "its AUC is lower")
    assert now() == 2
    assert tag(client, 3, "reason") == "its AUC is lower"
    assert tag(client, 3, "promoted") is None


def test_whoever_compared_with_another_champion_does_not_win(out, versions, now, prefect_server):
    assert promote(out, 1, None, "first")
    assert not promote(out, 2, None, "there was no champion")
    assert promote(out, 2, 1, "better")
    assert not promote(out, 3, 1, "better than 1")
    assert now() == 2


def test_of_two_at_once_one_wins_and_the_other_reads_again(
    out, versions, client, now, prefect_server
):
    assert promote(out, 1, None, "first")
    start = Barrier(2)

    def run(version):
        start.wait()
        return promote(out, version, 1, "better than 1")

    with ThreadPoolExecutor(2) as pool:
        won = list(pool.map(run, [2, 3]))
    assert sorted(won) == [False, True]
    winner, loser = (2, 3) if won[0] else (3, 2)
    assert now() == winner
    assert tag(client, loser, "promoted") is None
    assert promote(out, loser, winner, "better than the winner, too")
    assert now() == loser


def test_the_lease_is_held_while_the_champion_changes(out, versions, monkeypatch, prefect_server):
    from prefect.client.orchestration import get_client

    seen = []

    def look(client):
        with get_client(sync_client=True) as prefect:
            limit = prefect.read_global_concurrency_limit_by_name(registry_lease.LIMIT)
        seen.append((limit.limit, limit.active_slots))
        return original(client)

    original = promotion.champion_version
    monkeypatch.setattr(promotion, "champion_version", look)
    promote(out, 1, None, "first")
    assert seen == [(1, 1)]


def test_rollback_goes_back_one_champion_at_a_time(out, versions, client, now, prefect_server):
    for version, before in ((1, None), (2, 1), (3, 2)):
        promote(out, version, before, "better")
    assert roll_back(out) == (3, 2)
    assert now() == 2
    assert roll_back(out) == (2, 1)
    with pytest.raises(InputError, match="no champion to return to"):
        roll_back(out)
    assert now() == 1
    assert [rolled_back(out, version) for version in (1, 2, 3)] == [False, True, True]


def test_what_was_rolled_back_is_not_returned_to(out, versions, now, prefect_server):
    for version, before in ((1, None), (2, 1)):
        promote(out, version, before, "better")
    roll_back(out)
    assert promote(out, 3, 1, "better")
    assert roll_back(out) == (3, 1)


def test_a_rollback_that_failed_half_way_is_given_again(
    out, versions, client, now, prefect_server, monkeypatch
):
    for version, before in ((1, None), (2, 1), (3, 2)):
        promote(out, version, before, "better")

    def fail(*arguments):
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(type(client), "set_registered_model_alias", fail)
        with pytest.raises(InputError, match="the same command again"):
            roll_back(out)
    assert now() == 3
    assert roll_back(out) == (3, 2)


def test_a_champion_of_two_times_is_left_for_the_one_before_it(
    out, versions, client, now, prefect_server
):
    for version, before in ((1, None), (3, 1), (2, 3)):
        promote(out, version, before, "better")
    client.set_registered_model_alias(MODEL, "champion", "3")
    assert promote(out, 2, 3, "better")
    client.set_registered_model_tag(MODEL, "champions", "[1, 3, 2, 3]")
    client.set_registered_model_alias(MODEL, "champion", "3")
    assert roll_back(out) == (3, 2)


def test_a_promotion_that_was_killed_half_way(out, versions, client, now, prefect_server):
    promote(out, 1, None, "first")
    promote(out, 2, 1, "better")
    # The history was written, the alias was not.
    client.set_registered_model_tag(MODEL, "champions", "[1, 2, 3]")
    assert now() == 2
    assert roll_back(out) == (2, 1)
    assert promote(out, 3, 1, "better")
    assert roll_back(out) == (3, 1)


def test_an_alias_that_was_set_by_hand(out, versions, client, now, prefect_server):
    promote(out, 1, None, "first")
    client.set_registered_model_alias(MODEL, "champion", "3")
    with pytest.raises(InputError):
        roll_back(out)
    assert promote(out, 2, 3, "better")
    assert roll_back(out) == (2, 3)


def test_the_command(out, versions, now, prefect_server, tmp_path):
    def run(*words):
        return CliRunner().invoke(app, ["rollback", *map(str, words)])

    nowhere = run("--out", tmp_path / "nowhere")
    assert nowhere.exit_code == 2
    assert "There is no registry" in nowhere.output
    promote(out, 1, None, "first")
    assert run("--out", out).exit_code == 2
    promote(out, 2, 1, "better")
    done = run("--out", out)
    assert done.exit_code == 0
    assert "Version 1 is the champion again, in place of version 2." in done.output
    assert now() == 1
