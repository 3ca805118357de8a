from flows.pipeline import pipeline
from pcam_core.datasets.opening import open_dataset
from pcam_core.promotion.hold_out import HoldOut
from pcam_core.recipe import load_recipe


def test_what_is_left_out_changes_the_split_and_all_after_it(generated, miniature_recipe, tmp_path):
    data, recipe = open_dataset([str(generated)], tmp_path), load_recipe(miniature_recipe)

    def keys(**apart):
        planned = {}

        def do(task, **inputs):
            planned[task.stage.name] = (artifact := task.plan(tmp_path, **inputs))
            inputs_of[task.stage.name] = inputs.keys()
            return artifact

        pipeline(do, data, recipe, str(tmp_path), **apart)
        return {name: artifact.key for name, artifact in planned.items()}

    inputs_of = {}
    hold_out = HoldOut(version=1, key="a", data=(), path=tmp_path / "none")
    alone = keys(held_out=None, left_out=None)
    # Runs that know no hold-out keep the keys that they had before there was one.
    assert inputs_of["split"] == {"labels", "groups", "settings"}
    apart = keys(left_out=hold_out)
    same = {name for name in alone if alone[name] == apart[name]}
    assert same == {
        "labels",
        "gate",
        "validation",
        "groups",
        "explore",
        "prepare",
        "enlargement",
    }
    assert keys(held_out=hold_out)["split"] not in {alone["split"], apart["split"]}
