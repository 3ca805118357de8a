"""A flipped byte in any artifact: noticed, told, and only that artifact is built again."""

import logging
import random
import shutil
import time

import pytest

from flows.pipeline import pipeline
from pcam_core.datasets.opening import open_dataset
from pcam_core.recipe import load_recipe

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_only_the_damaged_artifact_is_built_again(
    side_by_side, generated, miniature_recipe, submission, caplog, tmp_path
):
    seed = int(time.time())
    print("seed", seed)
    rng = random.Random(seed)
    store = side_by_side[0] / "object-store"
    root = tmp_path / "artifacts"
    shutil.copytree(side_by_side[0] / "artifacts", root)
    data = open_dataset([str(generated)], root)

    def run():
        made = []

        def do(task, **inputs):
            made.append(task.stage.build(root, **inputs))
            return made[-1]

        pipeline(do, data, load_recipe(miniature_recipe), str(store))
        return made

    def manifests():
        return {path: path.stat().st_mtime_ns for path in root.glob("*/manifest.json")}

    logging.getLogger("pcam_core").addHandler(caplog.handler)  # Prefect keeps its log to itself
    artifacts = run()
    for artifact in artifacts:
        before = manifests()
        victim = rng.choice(sorted(path for path in artifact.path.rglob("*") if path.is_file()))
        content = bytearray(victim.read_bytes())
        content[rng.randrange(len(content))] ^= 0x20
        victim.write_bytes(content)
        caplog.clear()
        run()
        changed = {path for path, at in manifests().items() if before[path] != at}
        if artifact.fault() or changed != {artifact.path / "manifest.json"}:
            pytest.fail(f"{victim.relative_to(root)}: {changed}, {artifact.fault()}")
        assert str(artifact.path) in caplog.text
    assert next(root.glob("submission-*/submission.csv")).read_bytes() == submission
