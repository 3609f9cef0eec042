"""The SAM transform's process, where the translator does not answer."""

from __future__ import annotations

import asyncio
import sys

import pytest

from lambent.cloud.services.cloudformation.transforms.sam import SamWorker
from lambent.template.document import TemplateError

MUTE = (sys.executable, "-c", "import sys\nfor line in sys.stdin: pass")


async def test_a_translator_that_gives_no_answer_does_not_stop_those_who_come_after() -> None:
    worker = SamWorker(command=MUTE, limit_s=0.2)
    async with asyncio.timeout(20):
        for _ in range(2):
            with pytest.raises(TemplateError, match=r"gave no answer within 0\.2 seconds"):
                await worker.transform({}, {}, region="us-east-1", partition="aws")
    await worker.stop()
