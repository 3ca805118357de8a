"""Great Expectations' own pages, for those who know them."""

from collections.abc import Sequence
from pathlib import Path

from pcam_core.validation.expectations import Suite, great_expectations


def write_data_docs(suites: Sequence[Suite], folder: Path) -> Path:
    """Check once more and write the Data Docs.

    Args:
        suites: What to check; suites without rows or expectations are left out.
        folder: Where to; a site that is there is added to.

    Returns:
        The first page. Its style and fonts come from addresses on the network.
    """
    gx = great_expectations()
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(folder.absolute())}
    site = {
        "class_name": "SiteBuilder",
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": store,
    }
    context.add_data_docs_site("docs", site)
    source = context.data_sources.add_pandas("tables")
    for number, suite in enumerate(suites, start=1):
        if suite.table.empty or not suite.expected:
            continue
        name = f"{number} {suite.about}"
        batch = source.add_dataframe_asset(name).add_batch_definition_whole_dataframe("all")
        expectations = [each.build() for each in suite.expected]
        made = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(name=name, data=batch, suite=made)
        )
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(
                name=name,
                validation_definitions=[definition],
                result_format={"result_format": "SUMMARY"},
            )
        )
        checkpoint.run({"dataframe": suite.table})
    context.build_data_docs(site_names=["docs"])
    return folder / "index.html"
