"""`make fuzz`: requests to Lambda made from its service model, a hundred thousand unless told otherwise.

    python -m tests.generated --requests 100000 --seed 7

Prints its seed, which makes the same requests again, and everything that must not be; exits with 1 where there is any,
and where of 50,000 requests or more an operation has taken no valid one.
In the end the platform is started again on what it has kept, and has to tell the same as before.
`--pinpoint` looks at the account after each broken request, to tell which one changed something.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from pathlib import Path

from lambent.testing.platform import local_platform
from tests.generated.campaign import Campaign, Result

_ACCOUNT = "100000000001"
# With so many requests every operation has to take a valid one: what none reaches is not tested.
_ENOUGH = 50_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)  # noqa: TID251 - any seed will do
    parser.add_argument("--pinpoint", action="store_true")
    options = parser.parse_args()
    logging.disable(logging.WARNING)  # every refusal of what is not offered
    sys.stdout.write(f"seed {options.seed}\n")
    began = time.monotonic()

    told: set[str] = set()

    def tell(result: Result) -> None:
        for about in result.findings.keys() - told:
            sys.stdout.write(f"\n{result.findings[about][0]}\n")
        told.update(result.findings)
        sys.stdout.flush()
        sys.stderr.write(f"\r{result.sent} requests, {len(told)} kinds of findings, {time.monotonic() - began:.0f} s ")

    with tempfile.TemporaryDirectory(prefix="lambent-fuzz-") as folder:
        result, offered = _sent(Path(folder), options, tell)
    sys.stdout.write(f"\n{result}\n")
    never = sorted(offered - result.reached.keys())
    sys.stdout.write(f"took {result.reached.total()} valid requests; none of {', '.join(never) or 'no operation'}\n")
    return 1 if result.findings or (never and result.sent >= _ENOUGH) else 0


def _sent(folder: Path, options: argparse.Namespace, tell: Callable[[Result], None]) -> tuple[Result, AbstractSet[str]]:
    """Send the requests; then start the platform again on what it has kept, and compare what it tells."""
    with local_platform(seed=options.seed, idle_expiry_s=5, data_dir=folder / "data") as platform:
        port = platform.port
        campaign = Campaign(platform, _ACCOUNT, options.seed)
        result = campaign.run(options.requests, told=tell, pinpoint=options.pinpoint)
        before = campaign.look()
    with local_platform(port=port, data_dir=folder / "data") as platform:
        campaign.compare(before, "a restart")
    return result, campaign.offered


if __name__ == "__main__":
    raise SystemExit(main())
