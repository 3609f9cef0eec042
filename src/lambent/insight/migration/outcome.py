"""All that a migration comes to: how ready the function is, the files, and the plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lambent.base.diagnostics import Diagnostic
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
    def final(self) -> str:
        """The changed manifest."""
        return self.texts[self.files.final]
