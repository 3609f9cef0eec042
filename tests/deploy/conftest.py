"""A CloudFormation that is not ours: moto's server, which every test of this folder may deploy to."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from lambent.aws.clients import Target
from tests.requirements import process_environment


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """Moto's server as the target; its account is its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    environment = process_environment(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_REGION="us-east-1")
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            url = f"http://127.0.0.1:{port}"
            while not _answers(url):
                assert server.poll() is None, "moto's server did not start"
            yield Target(url, "us-east-1", "test", "test")
        finally:
            server.kill()


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()  # noqa: S310 - the address is ours
    except (urllib.error.URLError, OSError):
        return False
    return True
