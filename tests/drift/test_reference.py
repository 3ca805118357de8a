import numpy as np
import pandas as pd
import pytest

from pcam_core.drift.gaussian import fit_gaussian
from pcam_core.drift.judgement import judge
from pcam_core.drift.reference import FILE, LIMITED, MEASURES, read_reference, summarise
from pcam_core.drift.settings import DriftSettings
from pcam_core.errors import InputError


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(400, 6)) @ rng.normal(size=(6, 40))).clip(0).astype(np.float32)


@pytest.fixture
def reference(features):
    gaussian = fit_gaussian(features[:300])
    values = {name: np.random.default_rng(2).normal(size=500) for name in MEASURES}
    values["distance"] = gaussian.distance(features[300:])
    return summarise("a" * 64, values, gaussian)


def table_of(reference, count, shift=0.0):
    rng = np.random.default_rng(7)
    table = pd.DataFrame({name: rng.normal(size=count) + shift for name in MEASURES})
    table["distance"] = rng.choice(reference.quantiles["distance"], count)
    return table.assign(unlike=reference.unlike(table))


def test_distances_tell_the_unusual(features):
    gaussian = fit_gaussian(features[:300])
    seen = gaussian.distance(features[300:])
    assert np.median(seen) == pytest.approx(1, abs=0.4)
    assert gaussian.distance(features[:5] * 20).min() > seen.max()
    # One that differs in a direction that training never took.
    strange = features[:1].copy()
    strange[0, :] = -features.max()
    assert gaussian.distance(strange)[0] > seen.max()


def test_features_that_never_vary_do_no_harm():
    distances = fit_gaussian(np.zeros((20, 8), np.float32)).distance(np.zeros((3, 8)))
    assert np.isfinite(distances).all()


def test_it_is_read_as_written_and_equal_ones_are_equal_bytes(reference, tmp_path):
    reference.write(tmp_path / FILE)
    found = read_reference(tmp_path / "model.keras", "a" * 64)
    assert found.counts == reference.counts
    assert {name: found.limits(name) for name in LIMITED} == {
        name: reference.limits(name) for name in LIMITED
    }
    found.write(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (tmp_path / FILE).read_bytes()


def test_a_wrong_reference_is_refused(reference, tmp_path):
    with pytest.raises(InputError, match=r"there is no model\.npz"):
        read_reference(tmp_path / "model.keras", "a" * 64)
    reference.write(tmp_path / FILE)
    with pytest.raises(InputError, match="belongs to another model"):
        read_reference(tmp_path / "model.keras", "b" * 64)
    (tmp_path / FILE).write_bytes((tmp_path / FILE).read_bytes()[:500])
    with pytest.raises(InputError, match="cannot be read"):
        read_reference(tmp_path / "model.keras", "a" * 64)
    np.savez(tmp_path / FILE, model=np.array([object()]))
    with pytest.raises(InputError, match="cannot be read"):
        read_reference(tmp_path / "model.keras", "a" * 64)


def test_what_was_seen_is_never_unlike(reference):
    ends = pd.DataFrame({name: reference.quantiles[name][[0, -1]] for name in LIMITED})
    assert reference.unlike(ends) == ["", ""]
    assert reference.unlike(ends.assign(brightness=1e3))[0] == "brightness"


def test_verdicts(reference):
    settings = DriftSettings()
    assert (
        judge(reference, table_of(reference, 400), settings).verdict == "like the training patches"
    )
    assert judge(reference, table_of(reference, 400, 0.7), settings).verdict == "shifted"
    stopped = judge(reference, table_of(reference, 400, 2), settings)
    assert stopped.verdict == "stopped"
    assert "brightness has a stability index" in stopped.reasons[0]
    many = judge(reference, table_of(reference, 400).assign(unlike="distance"), settings)
    assert many.verdict == "stopped"
    few = judge(reference, table_of(reference, 5).assign(unlike="distance"), settings)
    assert few.verdict == "like the training patches"
    assert judge(reference, table_of(reference, 0), settings).patches == 0


def test_limits_in_the_wrong_order_are_refused():
    with pytest.raises(InputError, match="before it warns"):
        DriftSettings(warn=1, stop=0.5)
