"""The order of the stages, read from top to bottom."""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel

from pcam_core.artifact import Artifact
from pcam_core.datasets.dataset import Dataset
from pcam_core.datasets.provenance import provenance
from pcam_core.promotion.hold_out import HoldOut
from pcam_core.recipe import Recipe
from tasks.compare import compare_models
from tasks.crossvalidate import crossvalidate_model
from tasks.enlargement import measure_enlargement
from tasks.evaluate import measure_on_test
from tasks.explanation import explain_model
from tasks.explore import explore_data
from tasks.final import make_final
from tasks.gate import validate_data
from tasks.groups import group_patches
from tasks.labels import load_labels
from tasks.model_card import describe_model
from tasks.optimism import price_optimism
from tasks.predict import predict_test_folder, write_submission
from tasks.prepare import prepare_patches
from tasks.random_split import train_on_random_split
from tasks.reference import summarise_training
from tasks.report import write_report
from tasks.single import train_single
from tasks.split import split_patches
from tasks.threshold import choose_threshold
from tasks.tune import tune_model
from tasks.upload import upload_products
from tasks.validation import write_validation

Do = Callable[..., Artifact]


class Products(BaseModel):
    """The artifacts that people look at."""

    tuned: Artifact
    model: Artifact
    decision: Artifact
    evaluation: Artifact
    described: Artifact
    predictions: Artifact
    submission: Artifact
    receipts: Artifact
    report: Artifact


def pipeline(
    do: Do,
    data: Dataset,
    recipe: Recipe,
    store: str,
    held_out: HoldOut | None = None,
    left_out: HoldOut | None = None,
) -> Products:
    """Take raw patches to a measured model, a submission and a report.

    Args:
        do: Called as `do(task, **inputs)` for every stage in turn; runs it, or only plans it.
        data: Raw patches.
        recipe: Settings of all stages.
        store: Address of the object store.
        held_out: The test part, which models compete on; None draws one of its own.
        left_out: What others compete on, for a model that does not: it learns nothing of it.
    """
    labels = do(load_labels, data=data)
    gate = do(validate_data, data=data, labels=labels, settings=recipe.gate)
    do(write_validation, labels=labels, gate=gate)
    groups = do(group_patches, data=data, labels=labels, gate=gate)
    explored = do(
        explore_data,
        data=data,
        labels=labels,
        gate=gate,
        groups=groups,
        settings=recipe.explore,
    )
    apart = {"held_out": held_out, "left_out": left_out}
    splits = do(
        split_patches,
        labels=labels,
        groups=groups,
        settings=recipe.split,
        **{name: hold_out for name, hold_out in apart.items() if hold_out},
    )
    prepared = do(prepare_patches, data=data, labels=labels, gate=gate, settings=recipe.prepare)
    enlarged = do(
        measure_enlargement, data=data, groups=groups, explored=explored, settings=recipe.prepare
    )

    training: dict[str, Any] = {
        "prepared": prepared,
        "splits": splits,
        "network": recipe.network,
        "augmentation": recipe.augmentation,
    }
    comparison = do(compare_models, **training, settings=recipe.compare)
    tuned = do(tune_model, **training, comparison=comparison, settings=recipe.tune)
    in_folds = {
        **training,
        "tuned": tuned,
        "others": recipe.final.in_folds,
        "settings": recipe.crossvalidate,
    }
    crossvalidated = do(crossvalidate_model, **in_folds)
    folds = {} if recipe.final.form == "single" else {"crossvalidated": crossvalidated}
    trained = {}
    if recipe.final.form != "folds":
        trained["trained"] = do(
            train_single,
            **training,
            tuned=tuned,
            others=recipe.final.others,
            settings=recipe.final.training,
        )
    model = do(make_final, tuned=tuned, **trained, **folds, views=recipe.final.views)

    final = {"prepared": prepared, "splits": splits, "model": model}
    decision = do(choose_threshold, **final, settings=recipe.decision)
    evaluation = do(
        measure_on_test,
        **final,
        data=data,
        labels=labels,
        decision=decision,
        settings=recipe.evaluate,
    )
    described = do(
        describe_model,
        **final,
        data=data,
        sources=provenance(data),
        recipe=recipe,
        labels=labels,
        gate=gate,
        groups=groups,
        explored=explored,
        decision=decision,
        evaluation=evaluation,
        settings=recipe.evaluate,
    )
    reference = do(summarise_training, **final, explored=explored, gate=gate, decision=decision)
    explanation = do(
        explain_model,
        prepared=prepared,
        model=model,
        decision=decision,
        evaluation=evaluation,
        settings=recipe.explain,
    )
    optimism = do(
        price_optimism,
        **final,
        crossvalidated=crossvalidated,
        random_split=do(train_on_random_split, **in_folds),
        decision=decision,
        evaluation=evaluation,
        settings=recipe.evaluate,
    )
    predictions = do(
        predict_test_folder,
        prepared=prepared,
        labels=labels,
        gate=gate,
        explored=explored,
        model=model,
        decision=decision,
    )
    submission = do(
        write_submission, labels=labels, predictions=predictions, settings=recipe.predict
    )
    calibrator = {} if recipe.decision.calibration == "none" else {"calibrator.json": decision}
    receipts = do(
        upload_products,
        store=store,
        # Every product follows from these keys, so that no two runs share a prefix.
        prefix=f"{recipe.name}-{submission.key[:8]}{described.key[:8]}{reference.key[:4]}",
        products={
            "submission.csv": submission,
            "predictions.csv": predictions,
            **calibrator,
            "model.keras": model,
            "model.json": described,
            "model_card.md": described,
            "model.npz": reference,
        },
    )
    products = {
        "tuned": tuned,
        "model": model,
        "decision": decision,
        "evaluation": evaluation,
        "predictions": predictions,
        "submission": submission,
        "receipts": receipts,
    }
    report = do(
        write_report,
        recipe=recipe,
        labels=labels,
        gate=gate,
        groups=groups,
        explored=explored,
        splits=splits,
        prepared=prepared,
        enlarged=enlarged,
        comparison=comparison,
        crossvalidated=crossvalidated,
        optimism=optimism,
        explanation=explanation,
        **trained,
        **products,
    )
    return Products(**products, described=described, report=report)
