"""A caller that gives up while moto works for it takes nothing from anybody else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from lambent.base.identifiers import SeededIds
from lambent.cloud.bridge.bridge import Bridge
from lambent.cloud.bridge.coverage import Coverage
from lambent.cloud.framework.context import RequestContext, root_of
from lambent.cloud.store.scope import Scope
from tests.unit.cloud.bridge.test_journal import journal_in

CONTEXT = RequestContext(Scope("100000000074", "us-east-1"), root_of("100000000074"), "r", 0.0)


@pytest.mark.timeout(60)
async def test_a_call_that_is_given_up_takes_its_answer_along(tmp_path: Path) -> None:
    async with journal_in(tmp_path) as (journal, _, _):
        bridge = Bridge(journal, Coverage(), SeededIds(1))
        try:
            for _ in range(2):  # while moto's process starts, and while it answers
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(bridge.call(CONTEXT, "secretsmanager", "ListSecrets", {}), 0.001)
                found = await bridge.call(CONTEXT, "kinesis", "ListStreams", {})
                assert found is not None
                assert found["StreamNames"] == []
        finally:
            await bridge.stop()
