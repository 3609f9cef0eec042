"""Members of a query's list go by their numbers, and what stands in a number's place and is none is passed over."""

from __future__ import annotations

import pytest

from lambent.aws.service_models import service_model
from lambent.cloud.protocol.codec import codec
from lambent.cloud.protocol.message import Request


@pytest.mark.parametrize("odd", ["9" * 5000, "%C2%B2", "%D9%A3", "x"], ids=["huge", "raised", "arabic", "word"])
def test_members_without_a_number_are_passed_over(odd: str) -> None:
    operation = service_model("iam").operation("UntagRole")
    assert operation is not None
    form = f"RoleName=r&TagKeys.member.10=c&TagKeys.member.{odd}=odd&TagKeys.member.2=b"
    headers = {"content-type": "application/x-www-form-urlencoded"}
    parsed = codec(operation, "query").parse(Request("POST", "/", "", headers, form.encode()))
    assert parsed["TagKeys"] == ["b", "c"]
