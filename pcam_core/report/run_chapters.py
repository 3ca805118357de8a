"""The chapters on the run itself: time, settings, versions, and what is done differently."""

import json
import platform
import shlex
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.report import model_figures as draw
from pcam_core.report.blocks import Chapter, Command, Heading, Points, Row, Table, Text, picture
from pcam_core.units import duration

_PACKAGES = ("pcam", "keras", "tensorflow", "jax", "numpy", "pandas", "scikit-learn", "pillow")


def timing(artifacts: Sequence[Artifact]) -> Chapter:
    """Show how long the stages took."""
    total = sum(artifact.seconds for artifact in artifacts)
    longest = max(artifacts, key=lambda artifact: artifact.seconds)
    share = longest.seconds / max(total, 1e-9)
    rows = [
        (
            artifact.stage,
            duration(artifact.seconds),
            artifact.manifest["finished"].replace("T", " ").removesuffix("Z"),
            f"{artifact.size / 1e6:,.2f} MB",
            artifact.key[:16],
        )
        for artifact in artifacts
    ]
    return Chapter(
        "timing",
        "Time and artifacts",
        [
            Text(
                "A stage whose artifact already exists is not run again; its time is then that of"
                " the run that made it."
            ),
            Row(
                [
                    picture(
                        "seconds", "Time of each stage", draw.stage_seconds(list(artifacts)),
                        f"{longest.stage} took longest: {duration(longest.seconds)}, {share:.0%}"
                        f" of {duration(total)} in all.",
                    )
                ]
            ),
            Table(
                "Artifacts", ("Stage", "Took", "Finished (UTC)", "Size", "Content key"), rows,
                "lrrrl",
            ),
        ],
    )  # fmt: skip


def reproduction(recipe: dict[str, Any]) -> Chapter:
    """Give the command that leads to the same settings, all of them, and the versions.

    Args:
        recipe: A recipe as JSON values, nested by section.
    """
    from pcam_core.recipe import shipped_recipes

    versions = [("python", platform.python_version()), *_versions()]
    sections = {name: value for name, value in recipe.items() if name != "name"}
    is_shipped = recipe["name"] in shipped_recipes()
    file = shlex.quote(f"{recipe['name']}.toml")
    return Chapter(
        "configuration",
        "Configuration",
        [
            Text(
                "Equal settings, data, code and versions lead to equal content keys. This command"
                f" asks for {'those' if is_shipped else 'the recipe'} of this run"
                f"{'' if is_shipped else '; what was set beside it stands below'}:"
            ),
            Command(_command(recipe) if is_shipped else f"pcam train --recipe {file} --data DIR"),
            Table("Versions", ("Package", "Version"), versions, "ll"),
            Heading("All settings, by section"),
            *(
                Table(
                    name,
                    ("Field", "Value"),
                    [(field, _told(value)) for field, value in flat(section, f"{name}.")],
                    "ll",
                    folded=True,
                )
                for name, section in sections.items()
            ),
        ],
    )


def _command(recipe: dict[str, Any]) -> str:
    """Return a command line; only what differs from the shipped recipe is set in it."""
    from pcam_core.recipe import load_recipe

    name = recipe["name"]
    shipped = dict(flat(load_recipe(name).model_dump(mode="json")))
    # TOML, which --set reads, writes these as JSON does, but for None, which is no text at all.
    changed = (
        f"--set {shlex.quote(f'{field}=' + ('' if value is None else json.dumps(value)))}"
        for field, value in flat(recipe)
        if shipped.get(field, ...) != value
    )
    return " \\\n  ".join([f"pcam train --recipe {name} --data DIR", *changed])


def flat(settings: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield (dotted field, value) of nested settings."""
    for name, value in settings.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _told(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)


def differences() -> Chapter:
    """Say what the source notebook's evaluation got wrong, and what is done here."""
    return Chapter(
        "differences",
        "What this run corrects",
        [
            Text(
                "The notebook that this pipeline grew from reported figures that several slips"
                " made too good or impossible to compare. Here:"
            ),
            Points(_CORRECTIONS),
        ],
    )


_CORRECTIONS = (
    (
        "Tuning is scored on patches it was not trained on.",
        "The notebook drew the validation set of its search from the search's training set.",
    ),
    (
        "Every fold and the final training start from a fresh model.",
        "The notebook went on training one model from fold to fold and into the final training,"
        " so that later figures came from patches already seen.",
    ),
    (
        "Candidates are compared at .5 or by AUC.",
        "The notebook took each accuracy at the threshold that was best for that very fold.",
    ),
    (
        "Metrics start afresh in every epoch.",
        "The notebook's F1 kept its counts from one epoch to the next, and its best value is"
        " reported as two different numbers.",
    ),
    (
        "Groups stay together.",
        "Every split of the notebook put patches of one slide on both sides. This run does so"
        " only when no map of the slides is given, and says so at the top.",
    ),
    (
        "The threshold is chosen on one part and reported on another.",
        "The notebook did both on the same patches. Scores at .5 always stand beside those at the"
        " threshold.",
    ),
    (
        "Probabilities are submitted.",
        "The competition's measure is AUC, which the notebook's hard labels throw away. Labels"
        " remain a setting.",
    ),
    (
        "Precision fits the machine.",
        "The notebook asked for float16 on a CPU, which is slower there and less exact.",
    ),
)


def _versions() -> Iterator[tuple[str, str]]:
    for name in _PACKAGES:
        try:
            yield name, version(name)
        except PackageNotFoundError:
            yield name, "not installed"
