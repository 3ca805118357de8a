"""How a run form shows what may be asked of a recipe, and what it refuses."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core.core_schema import CoreSchema

from pcam_core.recipe import Recipe, shipped_recipes

Schema = dict[str, Any]


class RecipeChoice:
    """Annotates a recipe's name: one of the shipped ones, or the path of a TOML file."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Schema:
        """Return the schema of the name as it is checked on submission."""
        shipped = shipped_recipes()
        return handler(core) | {
            "pattern": rf"^({'|'.join(shipped)}|.+\.toml)$",
            "examples": shipped,
        }


class RecipeOrChampion(RecipeChoice):
    """Annotates a recipe's name that may also be "champion"."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Schema:
        """Return the schema of the name as it is checked on submission."""
        schema = super().__get_pydantic_json_schema__(core, handler)
        return schema | {
            "pattern": f"^champion$|{schema['pattern']}",
            "examples": ["champion", *schema["examples"]],
        }


class RecipeChanges:
    """Annotates changed fields of a recipe: each of them with its meaning, choices and range."""

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> Schema:
        """Return the schema of the fields by dotted name; others are refused."""
        fields = dict(_fields(Recipe.model_json_schema()))
        for number, field in enumerate(fields.values()):
            field["position"] = number
        # So many of them come last in the form.
        return handler(core) | {
            "properties": fields,
            "additionalProperties": False,
            "position": len(fields),
        }


def _fields(schema: Schema) -> Iterator[tuple[str, Schema]]:
    definitions = schema.get("$defs", {})

    def walk(section: Schema, place: str) -> Iterator[tuple[str, Schema]]:
        for name, field in section["properties"].items():
            field = _resolved(field, definitions)
            if "properties" in field:
                yield from walk(field, f"{place}{name}.")
            elif place:  # what is changed keeps the recipe's name
                # What holds where a field is not changed is the recipe's affair.
                shown = {key: value for key, value in field.items() if key != "default"}
                description = f"{field['description']}{_range(field)}"
                yield (
                    f"{place}{name}",
                    shown | {"title": f"{place}{name}", "description": description},
                )

    return walk(schema, "")


def _range(field: Schema) -> str:
    """The form enforces ranges, but shows none."""
    limits = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to"}
    limits |= {"exclusiveMaximum": "below"}
    told = [f"{word} {field[key]:g}" for key, word in limits.items() if key in field]
    return f" [{' '.join(told)}]" if told else ""


def _resolved(field: Schema, definitions: Mapping[str, Schema]) -> Schema:
    if "$ref" not in field:
        return field
    return definitions[field["$ref"].rpartition("/")[2]] | field
