"""Recipes: the settings of a whole run, from shipped TOML files and the user's changes."""

import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from pcam_core.augment.settings import AugmentSettings
from pcam_core.decision.settings import DecisionSettings
from pcam_core.errors import InputError
from pcam_core.models.settings import NetworkSettings
from pcam_core.promotion.settings import PromotionSettings
from pcam_core.section import Section
from pcam_core.stages.compare import CompareSettings
from pcam_core.stages.crossvalidate import CrossValidateSettings
from pcam_core.stages.evaluate import EvaluateSettings
from pcam_core.stages.explanation import ExplainSettings
from pcam_core.stages.explore import ExploreSettings
from pcam_core.stages.final_settings import FinalSettings
from pcam_core.stages.gate_expectations import GateSettings
from pcam_core.stages.hold_out import HoldOutSettings
from pcam_core.stages.predict import PredictSettings
from pcam_core.stages.prepare import PrepareSettings
from pcam_core.stages.split import SplitSettings
from pcam_core.stages.tune import TuneSettings


class Recipe(Section):
    """The settings of every stage; what a recipe leaves out is the source document's."""

    name: str = Field(description="Name of the recipe.")
    gate: GateSettings = GateSettings()
    explore: ExploreSettings = ExploreSettings()
    split: SplitSettings = SplitSettings()
    prepare: PrepareSettings = PrepareSettings()
    network: NetworkSettings = NetworkSettings()
    augmentation: AugmentSettings = AugmentSettings()
    compare: CompareSettings = CompareSettings()
    tune: TuneSettings = TuneSettings()
    crossvalidate: CrossValidateSettings = CrossValidateSettings()
    final: FinalSettings = FinalSettings()
    decision: DecisionSettings = DecisionSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    explain: ExplainSettings = ExplainSettings()
    predict: PredictSettings = PredictSettings()
    hold_out: HoldOutSettings = HoldOutSettings()
    promotion: PromotionSettings = PromotionSettings()

    def content(self) -> Any:
        """Return every section's content."""
        sections = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            name: value.content() if isinstance(value, Section) else value
            for name, value in sections.items()
        }


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that come with the package."""
    return sorted(path.stem for path in _folder().glob("*.toml"))


def load_recipe(name: str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Load a recipe and change some of its fields.

    Args:
        name: A shipped recipe, or the path of a TOML file.
        changes: Dotted field to value, as {"final.training.epochs": 3}.

    Raises:
        InputError: There is no such recipe, section or field, or a value is out of range.
    """
    path = Path(name) if name.endswith(".toml") else _folder() / f"{name}.toml"
    if not path.is_file() or not (name.endswith(".toml") or name in shipped_recipes()):
        near = get_close_matches(name, shipped_recipes(), n=1)
        raise InputError(
            f"There is no recipe {name!r}.",
            f"Did you mean {near[0]!r}?"
            if near
            else f"Choose from {', '.join(shipped_recipes())} or give the path of a .toml file.",
        )
    try:
        # Editors on Windows begin a file with a byte order mark.
        text = path.read_text(encoding="utf-8-sig")
        fields: dict[str, Any] = {"name": path.stem, **tomllib.loads(text)}
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}).", "Make it readable."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML ({error}).", "Mend the file.") from error
    return parse_recipe(fields, changes)


def parse_recipe(fields: dict[str, Any], changes: Mapping[str, Any] | None = None) -> Recipe:
    """Make a recipe of its fields, nested by section, and change some of them; see `load_recipe`.

    Raises:
        InputError: There is no such section or field, or a value is out of range.
    """
    for field, value in (changes or {}).items():
        _put(fields, field.split("."), value)
    try:
        return Recipe.model_validate(fields)
    except ValidationError as error:
        raise InputError(*_explain(error)) from error


def _folder() -> Path:
    return Path(str(files("pcam_core"))) / "recipes"


def _put(fields: dict[str, Any], path: Sequence[str], value: Any) -> None:
    for name in path[:-1]:
        inner = fields.setdefault(name, {})
        if not isinstance(inner, dict):
            raise InputError(f"{name!r} has no fields.", f"It is set to {inner!r}.")
        fields = inner
    fields[path[-1]] = value


def _explain(error: ValidationError) -> tuple[str, str]:
    problems, remedies = [], []
    details = error.errors()
    for detail in details:
        # A list whose only entry is wrong is told to be too short as well.
        if any(other["loc"][:-1] == detail["loc"] for other in details):
            continue
        place = ".".join(str(part) for part in detail["loc"] if part != "[key]")
        if detail["type"] == "extra_forbidden":
            known = _fields_beside(detail["loc"])
            near = get_close_matches(str(detail["loc"][-1]), known, n=1)
            problems.append(f"There is no setting {place!r}.")
            remedies.append(
                f"Did you mean {near[0]!r}?" if near else f"Choose from {', '.join(known)}."
            )
        else:
            names = (
                re.findall("'(.*?)'", detail["msg"]) if detail["type"] == "literal_error" else []
            )
            near = get_close_matches(str(detail["input"]), names, n=1)
            problems.append(f"{place} = {detail['input']!r} is not possible.")
            remedies.append(f"Did you mean {near[0]!r}?" if near else f"{detail['msg']}.")
    return " ".join(problems), " ".join(remedies)


def _fields_beside(location: Sequence[int | str]) -> list[str]:
    section: type[Section] = Recipe
    for part in location[:-1]:
        inner = section.model_fields[str(part)].annotation
        assert isinstance(inner, type)
        assert issubclass(inner, Section)
        section = inner
    return list(section.model_fields)
