from typing import get_args

import numpy as np
import pytest
from keras import ops

from pcam_core.augment.policies import POLICIES, augment
from pcam_core.augment.registry import OPERATIONS
from pcam_core.augment.settings import AugmentSettings


@pytest.fixture
def augmented(xp, patches):
    def run(policy, seed=1, strength=1.0):
        images = patches if xp is np else ops.convert_to_tensor(patches)
        rng = np.random.default_rng(seed)
        return ops.convert_to_numpy(augment(images, policy, rng, strength=strength, xp=xp))

    return run


def test_every_policy_that_can_be_set_exists():
    assert set(get_args(AugmentSettings.model_fields["policy"].annotation)) == set(POLICIES)


def test_policies_are_made_of_what_is_registered_and_use_all_of_it():
    assert {name for names in POLICIES.values() for name in names} == set(OPERATIONS)


def test_none_only_changes_the_type(augmented, patches):
    changed = augmented("none")
    assert changed.dtype == np.float32
    np.testing.assert_array_equal(changed, patches)


@pytest.mark.parametrize("policy", ["notebook", "tissue"])
@pytest.mark.parametrize("strength", [0.5, 1, 3])
def test_policies_follow_the_seed(augmented, patches, policy, strength):
    changed = augmented(policy, strength=strength)
    assert (changed.shape, changed.dtype) == (patches.shape, np.float32)
    np.testing.assert_array_equal(changed, augmented(policy, strength=strength))
    assert (changed != augmented(policy, 2, strength)).any()
    assert (changed != patches).any(axis=(1, 2, 3)).all()
    assert changed.min() >= 0
    assert changed.max() <= 255


def test_only_the_notebooks_policy_sees_the_enlarged_image():
    enlarged = [name for name in POLICIES if AugmentSettings(policy=name).on_enlarged]
    assert enlarged == ["notebook"]


@pytest.mark.parametrize("strength", [-0.1, 3.1])
def test_strength_has_a_range(strength):
    with pytest.raises(ValueError, match="strength"):
        AugmentSettings(strength=strength)
