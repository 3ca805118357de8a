"""What is known of every network before Keras is loaded."""

from dataclasses import dataclass

from pcam_core.models.settings import ModelName

_BACKBONE = ("imagenet", "none", "file")


@dataclass(frozen=True)
class Entry:
    """A network in the catalogue.

    Attributes:
        name: Its name in recipes.
        summary: What it is, in a few words.
        parameters: All of its weights.
        trainable: Those that learn when everything is trained from random weights.
        trainable_head: Those that learn while the backbone is frozen; None without a backbone.
        image_size: Height and width, pixels, that it was made for; `network.image_size` sets
            what a run uses.
        weights: What it can start from: "none" (random), "imagenet", "file".
        paper: Its address; None for the source document's own.
        centre_pooled: Whether its head gets the centre of the last map apart from all of it.
    """

    name: ModelName
    summary: str
    parameters: int
    trainable: int
    trainable_head: int | None = None
    image_size: int = 224
    weights: tuple[str, ...] = ("none",)
    paper: str | None = None
    centre_pooled: bool = False


CATALOGUE: tuple[Entry, ...] = (
    Entry("custom_cnn", "the notebook's plain CNN", 227_265, 226_817),
    Entry("tunable_cnn", "the notebook's tuned CNN", 3_402_241, 3_400_897),
    Entry(
        "resnet50",
        "backbone and head",
        25_686_913,
        25_633_793,
        2_099_201,
        weights=_BACKBONE,
        paper="https://arxiv.org/abs/1512.03385",
    ),
    Entry(
        "efficientnet_b0",
        "backbone and head",
        5_362_340,
        5_320_317,
        1_312_769,
        weights=_BACKBONE,
        paper="https://arxiv.org/abs/1905.11946",
    ),
    Entry(
        "efficientnet_v2_b0",
        "backbone and head",
        7_232_081,
        7_171_473,
        1_312_769,
        weights=_BACKBONE,
        paper="https://arxiv.org/abs/2104.00298",
    ),
    Entry(
        "convnext_tiny",
        "backbone and head",
        28_608_609,
        28_608_609,
        788_481,
        weights=_BACKBONE,
        paper="https://arxiv.org/abs/2201.03545",
    ),
    Entry(
        "centre_cnn",
        "compact: features of centre and patch",
        386_793,
        385_817,
        image_size=96,
        centre_pooled=True,
    ),
)
