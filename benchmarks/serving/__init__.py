"""The service under load: how much it takes, beside whom, and what becomes of it when more comes.

``python -m benchmarks.serving`` runs the full counts and writes docs/results/serving.json.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks import race


def run(plan: "race.Plan") -> "list[race.Row]":
    """The rows of ``python -m benchmarks``."""
    from benchmarks.serving import sheet  # late: the generator shares this package and starts light

    return sheet.rows(plan)
