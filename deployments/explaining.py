"""What `pcam explain` does: heat maps of patches that somebody has at hand."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from deployments.terminal import native_messages_in, progress_on_terminal
from pcam_core.atomic import replacing
from pcam_core.errors import InputError
from pcam_core.explanation.contract import find_contract
from pcam_core.explanation.methods import METHODS
from pcam_core.writable import check_writable

PAGE, TABLE = "explanation.html", "explanation.csv"

_STEPS = 32
_BATCH = 64


def explain_files(model: str, places: Sequence[Path], out: Path, runs: Path) -> None:
    """Explain the patches in files and folders; writes a page and a table into `out`.

    Raises:
        InputError: The model, its preparation, an image or `out` is wrong.
    """
    from pcam_core.explanation.raw_patches import find_files, read_raw

    contract = find_contract(model, runs)
    files = find_files(places)
    raw = read_raw(files)
    check_writable(out)
    console = Console(stderr=True)
    with native_messages_in(out / "native.log"), progress_on_terminal(console):
        import numpy as np
        import pandas as pd

        from pcam_core.explanation.centre_share import centre_shares
        from pcam_core.explanation.maps import heat_maps
        from pcam_core.explanation.raw_patches import prepared
        from pcam_core.explanation.tapped import TappedModel
        from pcam_core.report.explanation_page import explanation_page
        from pcam_core.training.serving import load_model, look_at

        network = load_model(contract.model)
        side = int(network.input_shape[1])
        settings = contract.insist(side)
        patches = prepared(raw, settings)
        if patches.shape[1] != side:
            raise InputError(
                f"Prepared patches are {patches.shape[1]} pixels wide, but {contract.model} takes"
                f" {side}.",
                "Put the model.json of the model's own run beside it.",
            )
        batches = np.array_split(patches, -(-len(patches) // _BATCH))
        probabilities = [look_at(network, batch, contract.views) for batch in batches]
        tapped = TappedModel(network)  # which changes the network's arithmetic
        found = heat_maps(tapped, patches, _STEPS)
        table = pd.DataFrame(
            {
                "id": [file.stem for file in files],
                "file": [str(file) for file in files],
                "probability": np.concatenate(probabilities),
            }
        )
        for method, maps in found.maps.items():
            table[f"centre_share_{method}"] = centre_shares(maps, settings.region)
        page = explanation_page(
            str(contract.model), table, TABLE, patches, found.maps, settings.region
        )
        with replacing(out / TABLE) as temporary:
            table.to_csv(temporary, index=False, float_format="%.6f")
        with replacing(out / PAGE) as temporary:
            temporary.write_text(page, encoding="utf-8")
    print(f"{len(table):,} patches explained by {' and '.join(METHODS.values())}.")
    print(f"Page   {out / PAGE}\nTable  {out / TABLE}")
