"""No listing and no sum goes through all there is: SQLite's own plans for what the repositories ask."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import pytest

from lambent.base.clock import ManualClock
from lambent.cloud.services.lambda_ import (
    capacity_providers,
    code_signing,
    layers,
    mapping_repository,
    repository,
    url_repository,
    usage,
)
from lambent.cloud.services.lambda_.documents import INVOKE_CONFIGS, PROVISIONED, URLS, Part
from lambent.cloud.services.lambda_.model.code_signing import CodeSigningConfig
from lambent.cloud.services.lambda_.model.layer import Compatibility
from lambent.cloud.services.lambda_.schema import scripts
from lambent.cloud.store.scope import Scope
from lambent.cloud.store.sqlite_store import SqliteStore, memory_store
from lambent.cloud.store.unit_of_work import Reader, SqlValue

SCOPE = Scope("123456789012", "us-east-1")
PART = Part("after", 51)
FIT = Compatibility("python3.13", "arm64")
CONFIG = CodeSigningConfig(SCOPE, "csc-1", (), 0.0)


class Explaining:
    """A reader that also asks for the plan of each query, and keeps it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.steps: list[str] = []

    def all(self, sql: str, parameters: Sequence[SqlValue] = ()) -> list[tuple[SqlValue, ...]]:
        self.steps += [str(step[3]) for step in self._reader.all(f"EXPLAIN QUERY PLAN {sql}", parameters)]
        return self._reader.all(sql, parameters)

    def one(self, sql: str, parameters: Sequence[SqlValue] = ()) -> tuple[SqlValue, ...] | None:
        return next(iter(self.all(sql, parameters)), None)


@pytest.fixture
async def store() -> AsyncIterator[SqliteStore]:
    opened = memory_store(ManualClock())
    await opened.migrate("lambda", scripts())
    yield opened
    await opened.close()


@pytest.mark.parametrize(
    "ask",
    [
        lambda read: repository.versions_behind(read, SCOPE, "f", 3, 51),
        lambda read: repository.all_versions_behind(read, SCOPE, ("f", 3), 51),
        lambda read: repository.latest_behind(read, SCOPE, "f", 51),
        lambda read: repository.last_version(read, SCOPE, "f"),
        lambda read: repository.versions_on_provider(read, SCOPE, "arn", ("f", 3), 51),
        lambda read: repository.count_on_provider(read, SCOPE, "arn", other_than=("f", "1")),
        lambda read: repository.aliases_behind(read, SCOPE, "f", ("a", 51)),
        lambda read: repository.aliases_behind(read, SCOPE, "f", ("a", 51), of_version="1"),
        lambda read: layers.versions_before(read, (SCOPE, "layer"), 9, 51, fit=FIT),
        lambda read: layers.latest_behind(read, SCOPE, "layer", 51, fit=Compatibility()),
        lambda read: layers.latest_behind(read, SCOPE, "layer", 51, fit=FIT),
        lambda read: code_signing.configs(read, SCOPE, PART),
        lambda read: capacity_providers.capacity_providers(read, SCOPE, PART),
        lambda read: mapping_repository.mappings(read, SCOPE, PART),
        lambda read: INVOKE_CONFIGS.behind(read, SCOPE, "f", part=PART),
        lambda read: PROVISIONED.behind(read, SCOPE, "f", part=PART),
        lambda read: URLS.behind(read, SCOPE, "f", part=PART),
        lambda read: url_repository.owner_of(read, "id"),
        lambda read: usage.usage(read, SCOPE),
        lambda read: usage.concurrency_taken(read, SCOPE, other_than="f"),
    ],
)
async def test_what_is_asked_for_is_sought_and_comes_in_order(
    store: SqliteStore, ask: Callable[[Reader], object]
) -> None:
    read = Explaining(store.read)
    ask(read)
    assert read.steps
    # The lists within a row are gone through: json_each has no index.
    assert [step for step in read.steps if step.startswith("SCAN") and "json_each" not in step] == []
    assert [step for step in read.steps if "TEMP B-TREE" in step] == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda read: code_signing.functions_of(read, CONFIG, "f", 51),
        lambda read: mapping_repository.mappings(read, SCOPE, Part("u", 51, {"function_arn": "arn"})),
        lambda read: mapping_repository.mappings(
            read, SCOPE, Part("u", 51, {"function_arn": "arn", "source_arn": "arn"})
        ),
        lambda read: mapping_repository.mappings(read, SCOPE, Part("u", 51, {"source_arn": "arn"})),
        lambda read: mapping_repository.mappings_of(read, SCOPE, "arn"),
        lambda read: repository.versions_on_provider(read, SCOPE, "arn", ("f", 3), 51),
        lambda read: repository.functions_on_provider(read, SCOPE, "arn"),
    ],
)
async def test_what_belongs_to_one_thing_is_sought_by_that(store: SqliteStore, ask: Callable[[Reader], object]) -> None:
    read = Explaining(store.read)
    ask(read)
    (step,) = read.steps
    assert "<expr>=?" in step


@pytest.mark.parametrize(
    "ask",
    [
        repository.unsettled,
        repository.denying,
        mapping_repository.unsettled_mappings,
        capacity_providers.unsettled_providers,
        capacity_providers.versions_to_scale,
    ],
)
async def test_a_start_reads_what_is_under_way_from_indexes_of_that_alone(
    store: SqliteStore, ask: Callable[[Reader], object]
) -> None:
    read = Explaining(store.read)
    ask(read)
    (step,) = read.steps
    assert "USING" in step
    assert "INDEX lambda_" in step
