"""Great Expectations 1.x: the verdict on tables of rows, and the Data Docs that show it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import great_expectations as gx
import pandas as pd
from great_expectations.checkpoint.actions import UpdateDataDocsAction
from great_expectations.core.run_identifier import RunIdentifier

from pawtrait.dataset.rules import Rule, Table
from pawtrait.errors import BadData

_expectations: Any = gx.expectations  # the package exports its names without saying so
_WHEN = datetime(2000, 1, 1, tzinfo=UTC)  # a run's time would make every page new
_SITE = "pawtrait"


@dataclass(frozen=True, slots=True)
class Broken:
    """A row that does not meet a rule, as Great Expectations found it."""

    rule: Rule
    key: str  # of the row
    sentence: str


class Checker:
    """Holds one in-memory Great Expectations context; with ``docs``, every check adds its pages there."""

    def __init__(self, docs: Path | None = None) -> None:
        self._context = _context()
        if docs is not None:
            self._context.add_data_docs_site(_SITE, _site(docs))
        self._source = self._context.data_sources.add_or_update_pandas("pawtrait")

    def check(self, table: Table) -> list[Broken]:
        """Judge a table; what is broken comes rule by rule, in the order of the rows.

        Raises:
            BadData: an expectation could not be evaluated at all, such as a column that is missing.
        """
        frame = pd.DataFrame(list(table.rows), columns=list(table.columns))
        checkpoint = self._checkpoint(table)
        run = RunIdentifier(run_name=table.name, run_time=_WHEN)
        result = checkpoint.run(batch_parameters={"dataframe": frame}, run_id=run)
        [validation] = result.run_results.values()
        return list(_broken(table, validation.results))

    def _checkpoint(self, table: Table) -> Any:
        data = self._source.add_dataframe_asset(table.name).add_batch_definition_whole_dataframe("whole")
        wanted = [
            _expectations.ExpectTableColumnsToMatchOrderedList(column_list=list(table.columns)),
            *map(_expectation, table.rules),
        ]
        suite = self._context.suites.add_or_update(gx.ExpectationSuite(table.name, expectations=wanted))
        definition = self._context.validation_definitions.add_or_update(
            gx.ValidationDefinition(name=table.name, data=data, suite=suite)
        )
        sites = self._context.get_site_names()
        return self._context.checkpoints.add_or_update(
            gx.Checkpoint(
                name=table.name,
                validation_definitions=[definition],
                actions=[UpdateDataDocsAction(name="docs", site_names=sites)] if sites else [],
                result_format={"result_format": "COMPLETE", "unexpected_index_column_names": [table.key]},
            )
        )


def _context() -> Any:
    """A context in memory that reports to nobody, with no bars and no site of its own."""
    context: Any = gx.get_context(mode="ephemeral")
    variables: Any = context.variables
    variables.analytics_enabled = False
    variables.progress_bars = {"globally": False}
    for site in list(context.get_site_names()):
        context.delete_data_docs_site(site)
    return context


def _expectation(rule: Rule) -> Any:
    """Turn a rule into its expectation; ``meta`` leads back from the result."""
    given: dict[str, Any] = {
        "column": rule.column,
        "severity": rule.severity,
        "meta": {"rule": rule.name},
        "description": rule.expected,  # what the Data Docs say
    }
    if rule.unique:
        return _expectations.ExpectColumnValuesToBeUnique(**given)
    if rule.allowed is not None:
        return _expectations.ExpectColumnValuesToBeInSet(value_set=list(rule.allowed), **given)
    if rule.pattern is not None:
        return _expectations.ExpectColumnValuesToMatchRegex(regex=rule.pattern, **given)
    return _expectations.ExpectColumnValuesToBeBetween(min_value=rule.least, max_value=rule.most, **given)


def _broken(table: Table, results: list[Any]) -> Iterator[Broken]:
    rules = {rule.name: rule for rule in table.rules}
    rows = {row[table.key]: row for row in table.rows}
    order = {key: place for place, key in enumerate(rows)}
    for result in results:
        rule = rules.get(result.expectation_config.meta.get("rule", ""))
        failing = result.result.get("unexpected_index_list")
        if not result.success and (rule is None or failing is None):
            raise BadData(f"table {table.name}: {result.expectation_config.type} failed: {_why(result)}")
        for key in sorted((found[table.key] for found in failing or ()), key=order.__getitem__):
            assert rule is not None  # only rules have failing rows
            yield Broken(rule, key, rule.sentence.format(**rows[key]))


def _why(result: Any) -> str:
    """What Great Expectations says about an expectation that could not be evaluated, on one line."""
    return " ".join(str(result.exception_info or result.result).split())[:300]


def _site(docs: Path) -> dict[str, Any]:
    return {
        "class_name": "SiteBuilder",
        "show_how_to_buttons": False,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
        "store_backend": {
            "class_name": "TupleFilesystemStoreBackend",
            "base_directory": str(docs.absolute()),
        },
    }
