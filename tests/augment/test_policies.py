from typing import get_args

import numpy as np
import pytest
from keras import ops

from pcam_core.augment.policies import POLICIES, augment
from pcam_core.augment.settings import AugmentSettings


def run(policy, seed):
    pixels = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype(np.float32)
    changed = augment(ops.convert_to_tensor(pixels), policy, np.random.default_rng(seed))
    return pixels, ops.convert_to_numpy(changed)


def test_every_policy_that_can_be_set_exists():
    assert set(get_args(AugmentSettings.model_fields["policy"].annotation)) == set(POLICIES)


def test_none_changes_nothing():
    np.testing.assert_array_equal(*run("none", 1))


@pytest.mark.parametrize("policy", ["notebook", "tissue"])
def test_policies_follow_the_seed(policy):
    pixels, changed = run(policy, 1)
    np.testing.assert_array_equal(changed, run(policy, 1)[1])
    assert (changed != run(policy, 2)[1]).any()
    assert (changed != pixels).any(axis=(1, 2, 3)).all()
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_only_the_notebooks_policy_sees_the_enlarged_image():
    enlarged = [name for name in POLICIES if AugmentSettings(policy=name).on_enlarged]
    assert enlarged == ["notebook"]
