import numpy as np
import pandas as pd
import pytest

from pcam_core.drift.gaussian import fit_gaussian
from pcam_core.drift.judgement import judge
from pcam_core.drift.neighbours import fit_neighbours
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
    values["embedding"] = gaussian.distance(features[300:])
    return summarise("a" * 64, values, fit_neighbours(features[:300, :6]), gaussian)


def table_of(reference, count, shift=0.0):
    rng = np.random.default_rng(7)
    table = pd.DataFrame({name: rng.normal(size=count) + shift for name in MEASURES})
    usual = reference.quantiles["embedding"]
    table["embedding"] = rng.choice(usual[usual <= reference.limit("embedding")], count)
    table["appearance"] = table["appearance"].clip(upper=reference.limit("appearance"))
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


def test_holes_between_points_are_unusual():
    ring = np.array([(np.cos(turn), np.sin(turn)) for turn in np.linspace(0, 6.28, 500)])
    near = fit_neighbours(ring * (1, 100))
    assert near.distance(ring[:50] * (1, 100)).max() < 0.1
    assert near.distance(np.zeros((1, 2)))[0] > 1
    assert fit_neighbours(np.ones((2, 3))).distance(np.ones((1, 3)))[0] == 0


def test_features_that_never_vary_do_no_harm():
    distances = fit_gaussian(np.zeros((20, 8), np.float32)).distance(np.zeros((3, 8)))
    assert np.isfinite(distances).all()


def test_it_is_read_as_written_and_equal_ones_are_equal_bytes(reference, tmp_path):
    reference.write(tmp_path / FILE)
    found = read_reference(tmp_path / "model.keras", "a" * 64)
    assert found.counts == reference.counts
    assert [found.limit(name) for name in LIMITED] == [reference.limit(name) for name in LIMITED]
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


def test_unlike_is_what_is_more_unusual_than_999_of_1000(reference):
    seen = pd.DataFrame({name: reference.quantiles[name] for name in LIMITED})
    assert sum(what != "" for what in reference.unlike(seen)) == 1
    assert reference.unlike(seen.iloc[:1].assign(appearance=1e3)) == ["appearance"]
    # Features of patches that overflow are no numbers.
    assert reference.unlike(seen.iloc[:1] * np.nan) == ["appearance, embedding"]


def test_verdicts(reference):
    settings = DriftSettings()
    assert (
        judge(reference, table_of(reference, 400), settings).verdict == "like the training patches"
    )
    assert judge(reference, table_of(reference, 400, 0.7), settings).verdict == "shifted"
    stopped = judge(reference, table_of(reference, 400, 2), settings)
    assert stopped.verdict == "stopped"
    assert stopped.reasons[0].startswith("stability index of brightness 3")
    # The distances follow every shift, so that their share of unlike patches stops, not they.
    only = table_of(reference, 400).assign(embedding=reference.limit("embedding"))
    assert judge(reference, only, settings).verdict == "shifted"
    some = table_of(reference, 400)
    some.loc[:30, "unlike"] = "embedding"
    assert judge(reference, some, settings).verdict == "shifted"
    many = judge(reference, some.assign(unlike="embedding"), settings)
    assert many.verdict == "stopped"
    few = judge(reference, table_of(reference, 5).assign(unlike="embedding"), settings)
    assert few.verdict == "like the training patches"
    assert judge(reference, table_of(reference, 0), settings).patches == 0


def test_limits_in_the_wrong_order_are_refused():
    with pytest.raises(InputError, match="before it warns"):
        DriftSettings(warn=1, stop=0.5)
    with pytest.raises(InputError, match="before it warns"):
        DriftSettings(stop_unlike=0.01)
