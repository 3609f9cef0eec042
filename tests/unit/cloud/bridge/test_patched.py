"""What the mends replace of moto is looked for before it starts."""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from pathlib import Path

from lambent.cloud.bridge.patched import missing


def installed() -> Path:
    spec = find_spec("moto")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def test_the_installed_moto_has_all_that_is_patched() -> None:
    assert missing(installed()) == []


def test_what_was_renamed_or_moved_is_named(tmp_path: Path) -> None:
    tables = installed() / "ec2" / "models" / "route_tables.py"
    renamed = tables.read_text(encoding="utf-8").replace("def create_route(", "def make_route(")
    network = [f"ec2/models/{name}.py" for name in ("internet_gateways", "vpcs")]
    others = ["cloudwatch/models.py", "ec2/exceptions.py", "moto_api/_internal/moto_random.py", "utilities/utils.py"]
    for file in [*network, *others]:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(installed() / file, tmp_path / file)
    (tmp_path / "ec2" / "models" / "route_tables.py").write_text(renamed, encoding="utf-8")
    assert missing(tmp_path) == [
        "ec2/models/route_tables.py: def create_route",
        "kms/models.py: class KmsBackend",
        "kms/models.py: def _generate_default_keys",
    ]
