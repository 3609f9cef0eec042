"""A manifest with `url`, deployed by a real `lambent` process and called as HTTP clients call it."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.commands import Commands
from tests.services.lambda_.urls import by_path, call, key_of, signed

pytestmark = pytest.mark.timeout(120)
MANIFEST = """
stack: web
functions:
  open:
    code: src
    handler: app.handler
    runtime: python3.11
    alias: live
    url:
      auth: none
      cors: {origins: ["https://a.example"], methods: [GET], max_age: 1m}
  closed:
    code: src
    handler: app.handler
    runtime: python3.11
    environment: {OPEN: "${functions.open.url}"}
    url: {auth: iam}
outputs:
  open: ${functions.open.url}
  closed: ${functions.closed.url}
"""
CODE = """
import json, os
def handler(event, context):
    named = event.get("queryStringParameters", {}).get("name", "nobody")
    return {"statusCode": 201, "headers": {"Content-Type": "text/plain"}, "cookies": ["seen=1"],
            "body": f"{event['rawPath']} {named} {os.environ.get('OPEN', '')}"}
"""


@pytest.fixture
def outputs(tmp_path: Path, lambent: Commands) -> Iterator[dict[str, str]]:
    """The outputs of the manifest, which is deployed for as long as the test lasts."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(CODE)
    (tmp_path / "lambent.yaml").write_text(MANIFEST)
    yield lambent.told("up", "--json")["outputs"]
    lambent.run("down", "--yes")


def test_url_of_a_manifest_is_called_by_its_host_and_by_its_path(outputs: dict[str, str]) -> None:
    url = outputs["open"]
    answer = call(url, target="/a%20b?name=you")
    assert (answer.status, answer.body) == (201, b"/a%20b you ")
    assert answer.one("set-cookie") == "seen=1"
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    assert call(url, "OPTIONS", headers=asked).one("access-control-max-age") == "60"
    address, prefix = by_path(url)
    with urllib.request.urlopen(f"{address}{prefix}/there?name=me") as response:  # noqa: S310 - the platform's own address
        assert (response.status, response.read()) == (201, b"/there me ")


def test_url_that_asks_for_signatures_is_closed_to_others(outputs: dict[str, str]) -> None:
    url = outputs["closed"]
    address, prefix = by_path(url)
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{address}{prefix}/")  # noqa: S310 - as above
    assert refused.value.code == 403
    refused.value.close()
    answer = call(url, headers=signed(url, key_of("000000000000")))
    assert answer.body.decode() == f"/ nobody {outputs['open']}"
