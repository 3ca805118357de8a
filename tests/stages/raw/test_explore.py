import numpy as np
import pandas as pd
import pytest

from pcam_core.artifact import Artifact, seal
from pcam_core.datasets.dataset import Dataset, Tables
from pcam_core.report.blocks import Note, Row
from pcam_core.report.exploration_chapter import exploration
from pcam_core.stages.explore import (
    ExploreSettings,
    explore,
    read_gallery,
    read_patches,
    read_shown,
)
from pcam_core.stages.groups import groups
from pcam_core.stages.labels import labels


class InMemory(Dataset):
    """Patches by part and id, with their labels and slides."""

    pixels: dict[str, dict[str, object]]
    table: dict[str, int]
    slides: dict[str, str]

    def tables(self):
        table = pd.DataFrame(self.table.items(), columns=["id", "label"]).astype(str)
        slides = {"slides": self.slides, "slides_name": "slides.csv"} if self.slides else {}
        return Tables(table, list(self.pixels["test"]), "labels", "test", **slides)

    def patch_ids(self, part):
        return sorted(self.pixels[part])

    def place(self, part, patch_id):
        return f"{part}/{patch_id}"

    def decode(self, part, patch_id):
        return self.pixels[part][patch_id]


def noise(seed, high=256):
    return np.random.default_rng(seed).integers(0, high, (96, 96, 3), dtype=np.uint8)


def patches(train=40, test=25, a_slide=4, look=noise):
    """Every second patch has tumour."""
    names = [f"p{n:03d}" for n in range(train)]
    return InMemory(
        address="memory",
        key="memory",
        pixels={
            "train": {name: look(n) for n, name in enumerate(names)},
            "test": {f"t{n:03d}": look(1000 + n) for n in range(test)},
        },
        table={name: n % 2 for n, name in enumerate(names)},
        slides={name: f"s{n // a_slide}" for n, name in enumerate(names)} if a_slide else {},
    )


def measured(root, data, quarantined):
    """What the stage `gate` would leave."""
    rows = [
        {"id": name, "part": part, "fault": "", "white": float((pixels > 204).all(-1).mean())}
        | {f"mean_{c}": pixels[..., n].mean() for n, c in enumerate("rgb")}
        for part, members in data.pixels.items()
        for name, pixels in members.items()
    ]
    artifact = Artifact(stage="gate", key="gate", path=root / "gate")
    workshop = root / "gate.building"
    workshop.mkdir(parents=True)
    pd.DataFrame(rows).to_csv(workshop / "properties.csv", index=False)
    lines = "".join(f"{name},train,bad\n" for name in quarantined)
    (workshop / "quarantine.csv").write_text(f"id,part,reason\n{lines}")
    seal(workshop, artifact, {}, 0.1)
    return artifact


@pytest.fixture
def explored(tmp_path):
    def run(data, quarantined=(), name="run", **settings):
        root = tmp_path / name
        table, gate = labels.build(root, data=data), measured(root, data, quarantined)
        grouped = groups.build(root, data=data, labels=table, gate=gate)
        artifact = explore.build(
            root, data=data, labels=table, gate=gate, groups=grouped,
            settings=ExploreSettings(**settings),
        )  # fmt: skip
        return artifact, gate, grouped

    return run


def test_every_patch_in_use_is_counted(explored):
    data = patches()
    artifact, gate, _ = explored(data, quarantined=["p003"])
    assert artifact.figures["patches"] == {"train": 39, "test": 25}
    assert artifact.figures["quarantined"] == {"train": 1, "test": 0}
    assert artifact.figures["classes"] == {"0": 20, "1": 19}
    table = read_patches(artifact, gate)
    assert list(table["id"]) == [*sorted(set(data.table) - {"p003"}), *data.patch_ids("test")]
    assert set(table.loc[table["part"] == "test", "label"]) == {-1}
    with np.load(artifact.path / "pixels.npz") as arrays:
        counts, means = arrays["counts"], arrays["means"]
    np.testing.assert_array_equal(counts.sum(axis=-1).T, [[n * 96 * 96 for n in (20, 19, 25)]] * 3)
    normal = [pixels for name, pixels in data.pixels["train"].items() if data.table[name] == 0]
    np.testing.assert_allclose(means[0], np.mean(normal, axis=0))


def test_gallery_is_a_choice_by_seed_and_not_by_order(explored):
    data = patches()
    turned = data.model_copy(
        update={"table": dict(reversed(data.table.items())), "key": "turned"},
    )
    chosen = read_gallery(explored(data, gallery=5)[0])
    assert [len(ids) for ids in chosen.values()] == [5, 5]
    assert {data.table[name] for name in chosen[1]} == {1}
    assert read_gallery(explored(turned, gallery=5, name="turned")[0]) == chosen
    assert read_gallery(explored(data, gallery=5, seed=1, name="seed")[0]) != chosen


def test_shown_pixels_are_those_of_their_ids(explored):
    data = patches()
    artifact = explored(data)[0]
    for why in ("sample", "darkest", "brightest"):
        shown, pixels = read_shown(artifact, why)
        assert len(shown) > 0
        for row, found in zip(shown.itertuples(), pixels, strict=True):
            np.testing.assert_array_equal(found, data.decode(row.part, row.id))


def test_extremes_are_found_in_both_parts(explored):
    data = patches()
    data.pixels["train"]["p007"] = noise(0, high=20)
    data.pixels["test"]["t003"] = 255 - noise(0, high=20)
    artifact = explored(data, gallery=2)[0]
    assert read_shown(artifact, "darkest")[0]["id"][0] == "p007"
    assert read_shown(artifact, "brightest")[0]["id"][0] == "t003"
    brightness = artifact.figures["brightness"]
    assert (brightness["below"], brightness["above"]) == (1, 1)


def test_equal_data_gives_equal_bytes(explored):
    first, second = (explored(patches(), name=name)[0] for name in ("one", "two"))
    assert first.manifest["files"] == second.manifest["files"]
    assert first.figures == second.figures


def told(chapter):
    """All sentences of a chapter."""
    pictures = [p for block in chapter.blocks if isinstance(block, Row) for p in block.pictures]
    return [*(block.text for block in chapter.blocks if hasattr(block, "text")),
            *(f"{p.title}: {p.caption}" for p in pictures)]  # fmt: skip


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, ["10 slides (slides.csv)", "AUC of 0."]),
        ({"a_slide": 1, "test": 1}, ["No two patches are known", "too few patches"]),
        ({"train": 4, "test": 2, "a_slide": 4}, ["All 4 labelled patches are of one slide"]),
        ({"look": lambda _: np.full((96, 96, 3), 255, np.uint8)}, ["65 patches more than 90%"]),
        ({"train": 900, "a_slide": 2, "look": lambda n: noise(n % 7)}, ["450 slides"]),
    ],
    ids=["usual", "single patches", "one tiny slide", "white", "many slides"],
)  # fmt: skip
def test_chapter_of(explored, form, expected):
    chapter = exploration(*explored(patches(**form)))
    sentences = told(chapter)
    for sentence in expected:
        assert any(sentence in text for text in sentences)
    assert not [text for text in sentences if "nan" in text.split() or "inf" in text.split()]
    assert not any(isinstance(block, Note) for block in chapter.blocks)
    drawn = sum(len(p.svg) for row in chapter.blocks if isinstance(row, Row) for p in row.pictures)
    assert drawn < 1_000_000


def test_chapter_says_when_groups_are_detected(explored):
    base = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)

    def cut(n):
        return base[n : n + 96, 2 * n : 2 * n + 96] if n < 6 else noise(n)

    artifact, gate, grouped = explored(patches(a_slide=0, look=cut))
    assert grouped.figures["detected"]
    sentences = told(exploration(artifact, gate, grouped))
    assert any("share pixels, not slides" in text for text in sentences)
    assert not any("Stain by" in text for text in sentences)


def test_chapter_warns_of_a_test_part_that_looks_different(explored):
    data = patches(look=lambda n: noise(n, high=256 if n < 1000 else 120))
    chapter = exploration(*explored(data))
    warnings = [block.text for block in chapter.blocks if isinstance(block, Note)]
    assert len(warnings) == 1
    assert "AUC of 1.00" in warnings[0]
