"""All that a migration comes to: how ready the function is, the files, and the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lambent.base.diagnostics import Diagnostic, has_errors
from lambent.insight.migration.readiness import Readiness
from lambent.insight.migration.steps import Files, MigrationPlan


@dataclass(frozen=True, slots=True)
class Migration:
    """All that is known and made: `texts` are the files by name, `checks` what is wrong with the final manifest.

    `before` is the manifest as it was, "" for a function that had none.
    """

    readiness: Readiness
    plan: MigrationPlan
    texts: Mapping[str, str]
    files: Files
    before: str = ""
    checks: tuple[Diagnostic, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether nothing blocks, and the manifest that is left in the end can be deployed."""
        return self.readiness.is_ready and not has_errors(self.checks)

    @property
    def final(self) -> str:
        """The changed manifest."""
        return self.texts[self.files.final]
