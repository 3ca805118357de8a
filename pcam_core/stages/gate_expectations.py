"""What the gate expects of labels and patches, in Great Expectations' terms."""

import pandas as pd
from pydantic import Field

from pcam_core.patches import BITS, MODE, SIDE
from pcam_core.section import Section
from pcam_core.validation.expectations import Expected, Suite
from pcam_core.validation.outliers import LIMIT
from pcam_core.validation.suspects import BLANK

_OUTLIERS = 0.01


class GateSettings(Section):
    """What the data must look like."""

    min_positive_share: float = Field(
        0.05, ge=0, le=1, description="Smallest plausible share of positive labels (0 to 1)."
    )
    max_positive_share: float = Field(
        0.95, ge=0, le=1, description="Largest plausible share of positive labels (0 to 1)."
    )
    max_unreadable_share: float = Field(
        0.001,
        ge=0,
        le=1,
        description="Stop above this share of training patches that cannot be read or are of"
        " another form (0 to 1); up to it they are put in quarantine.",
    )
    max_uniform_share: float = Field(
        0.01, ge=0, le=1, description="Warn above this share of patches of one colour (0 to 1)."
    )
    max_white_share: float = Field(
        0.05, ge=0, le=1, description="Warn above this share of patches of blank glass (0 to 1)."
    )


def expected(described: pd.DataFrame, train: pd.DataFrame, settings: GateSettings) -> list[Suite]:
    """Return what is expected, with the tables to look at.

    Args:
        described: Properties of all patches, as `describe` returns them.
        train: Columns id and label of all training patches.
        settings: The shares to tolerate.
    """
    return [_label_suite(train, settings), *_patch_suites(described, settings)]


def _label_suite(train: pd.DataFrame, settings: GateSettings) -> Suite:
    """Return what is expected of the labels themselves; `labels` has checked their table."""
    low, high = settings.min_positive_share, settings.max_positive_share
    balance = Expected(
        f"between {low:.0%} and {high:.0%} of the labels are positive",
        "error",
        "ExpectColumnMeanToBeBetween",
        {"column": "label", "min_value": low, "max_value": high},
        remedy="Mend the labels, or change what the recipe's section [gate] expects.",
    )
    # Where a class is absent, `labels` has said so.
    both = train["label"].nunique() == 2
    return Suite("labels", train[["id", "label"]], [balance] if both else [])


def _patch_suites(described: pd.DataFrame, settings: GateSettings) -> list[Suite]:
    """Return what is expected of training patches, test patches, and all that have pixels."""
    train, test = (described[described["part"] == part] for part in ("train", "test"))
    form = f"readable {BITS}-bit {MODE} pictures of {SIDE}x{SIDE} pixels"
    mend = "Mend or remove them (with their rows in the label table), then run again."
    dropped = "They are left out of training; mend them to have them back."
    share = f"{settings.max_unreadable_share:.4%}".rstrip("0%").rstrip(".") + "%"
    forms = {
        "unreadable": "can be read and decoded",
        "size": f"has {SIDE}x{SIDE} pixels",
        "mode": f"is {MODE}",
        "depth": f"has {BITS} bits a channel",
        "pages": "is one page",
    }
    return [
        Suite(
            "training patches",
            train,
            [
                *(
                    Expected(
                        f"every training patch {meaning}",
                        "warning",
                        "ExpectColumnValuesToNotBeInSet",
                        {"column": "fault", "value_set": [fault]},
                        remedy=dropped,
                        name=_names,
                    )
                    for fault, meaning in forms.items()
                ),
                Expected(
                    f"all training patches but {share} are {form}",
                    "error",
                    "ExpectColumnValuesToBeInSet",
                    {
                        "column": "fault",
                        "value_set": [""],
                        "mostly": 1 - settings.max_unreadable_share,
                    },
                    remedy=mend,
                    name=_names,
                ),
                Expected(
                    "no training patch has the pixels of a test patch",
                    "warning",
                    "ExpectColumnValuesToBeInSet",
                    {"column": "twin", "value_set": [""]},
                    remedy="They are left out of training: a test that was trained on measures"
                    " nothing.",
                    name=_names,
                ),
                Expected(
                    "no two training patches have the same pixels and different labels",
                    "warning",
                    "ExpectColumnValuesToBeInSet",
                    {"column": "clash", "value_set": [False]},
                    remedy="At least one label of each is wrong: look at them and mend it.",
                    name=_names,
                ),
            ],
        ),
        Suite(
            "training patches",
            # Those with different labels have been counted.
            train[~train["clash"]],
            [
                Expected(
                    "no two training patches have the same pixels",
                    "warning",
                    "ExpectColumnValuesToBeUnique",
                    {"column": "pixels"},
                    remedy="Remove all but one of each: copies weigh more than others.",
                    name=_names,
                )
            ],
        ),
        Suite(
            "test patches",
            test,
            [
                Expected(
                    f"all test patches are {form}",
                    "error",
                    "ExpectColumnValuesToBeInSet",
                    {"column": "fault", "value_set": [""]},
                    remedy=mend,
                    name=_names,
                )
            ],
        ),
        Suite("all patches", described[described["fault"] == ""], _colour(settings)),
    ]


def _colour(settings: GateSettings) -> list[Expected]:
    return [
        Expected(
            f"at most {settings.max_uniform_share:.0%} of the patches are of one colour",
            "warning",
            "ExpectColumnValuesToBeBetween",
            {"column": "spread", "min_value": 1, "mostly": 1 - settings.max_uniform_share},
            remedy="Look at how the slides were cut.",
            name=_names,
        ),
        Expected(
            "no patch is all black",
            "warning",
            "ExpectColumnValuesToBeBetween",
            {"column": "brightest", "min_value": 1},
            remedy="Look at how the slides were read: black stands for missing parts.",
            name=_names,
        ),
        Expected(
            f"at most {settings.max_white_share:.0%} of the patches are blank glass",
            "warning",
            "ExpectColumnValuesToBeBetween",
            {"column": "white", "max_value": BLANK, "mostly": 1 - settings.max_white_share},
            remedy="Leave out what shows no tissue.",
            name=_names,
        ),
        Expected(
            f"at most {_OUTLIERS:.0%} of the patches are of unusual colour",
            "warning",
            "ExpectColumnValuesToBeBetween",
            {"column": "deviation", "max_value": LIMIT, "mostly": 1 - _OUTLIERS},
            remedy="Look whether they come from another scanner or stain.",
            name=_names,
        ),
        Expected(
            "green brightness is on average between 64 and 230, as in stained tissue",
            "warning",
            "ExpectColumnMeanToBeBetween",
            {"column": "mean_g", "min_value": 64, "max_value": 230},
            remedy="Look whether these are stained tissue, with 0 to 255 levels.",
        ),
    ]


def _names(rows: pd.DataFrame) -> list[str]:
    pairs = zip(rows["name"], rows["why"], strict=True)
    return [f"{name} ({why})" if why else name for name, why in pairs]
