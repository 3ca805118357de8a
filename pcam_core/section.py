"""The base of every configuration section."""

from typing import Any

from pydantic import BaseModel, ConfigDict


def _in_order(schema: dict[str, Any]) -> None:
    """Number the fields: databases lose their order, and Prefect's forms sort by `position`."""
    for number, field in enumerate(schema["properties"].values()):
        field.setdefault("position", number)


class Section(BaseModel):
    """Settings of one stage: immutable, checked, and closed to unknown names."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, json_schema_extra=_in_order
    )

    def content(self) -> Any:
        """Return what the settings mean for a content key, as JSON values.

        A section that names a file outside the artifacts adds the file's digest.
        """
        return self.model_dump(mode="json")
