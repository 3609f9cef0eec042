"""A TypeScript project bundled by the esbuild among its devDependencies, from nothing to an answer."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from lambent.testing.platform import LocalPlatform
from tests.journeys.commands import Commands
from tests.requirements import require_tool
from tests.unit.deploy.packaging.making import write

pytestmark = pytest.mark.timeout(240)  # npm fetches esbuild
MANIFEST = """
stack: typed
functions:
  orders:
    code: orders
    handler: src/app.handler
    runtime: nodejs22.x
    bundle: true
    environment:
      NODE_OPTIONS: --enable-source-maps
"""
SOURCE = """\
import { total, type Order } from './total';

export const handler = async (event: { orders: Order[]; fails?: boolean }): Promise<number> => {
  if (event.fails) {
    throw new RangeError('as asked');
  }
  return total(event.orders);
};
"""
TOTAL = """\
export interface Order { price: number }
export const total = (orders: readonly Order[]): number => orders.reduce((sum, { price }) => sum + price, 0);
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose esbuild npm has installed; skipped where npm reaches no index."""
    require_tool("node")
    npm = require_tool("npm")
    write(tmp_path, "lambent.yaml", text=MANIFEST)
    write(tmp_path, "orders/src/app.ts", text=SOURCE)
    write(tmp_path, "orders/src/total.ts", text=TOTAL)
    write(tmp_path, "orders/package.json", text=json.dumps({"name": "orders", "private": True}))
    command = [str(npm), "install", "--save-dev", "--prefer-offline", "--fetch-retries=0", "--no-audit", "esbuild@0.28"]
    done = subprocess.run(command, cwd=tmp_path / "orders", capture_output=True, text=True, timeout=200, check=False)
    if done.returncode != 0:
        pytest.skip("npm reaches no index from here")
    return tmp_path


def test_types_are_taken_out_and_traces_name_the_source(project: Path, platform: LocalPlatform) -> None:
    commands = Commands(project, platform.port)
    commands.run("up")
    name = "typed-orders"
    functions = platform.client("lambda")
    answer = functions.invoke(FunctionName=name, Payload=b'{"orders": [{"price": 2}, {"price": 3}]}')
    assert json.loads(answer["Payload"].read()) == 5
    failed = json.loads(functions.invoke(FunctionName=name, Payload=b'{"orders": [], "fails": true}')["Payload"].read())
    assert failed["errorType"] == "RangeError"
    assert any("src/app.ts:5:" in line for line in failed["trace"])
    commands.run("down", "--yes")
