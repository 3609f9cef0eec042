"""Runs pip for another Python: `python -m lambent.deploy.packaging.pip_elsewhere MARKERS …` = `pip install …`.

pip's --platform and --python-version choose wheels by their tags, but environment markers such as
`; python_version < "3.11"` are asked of the Python that runs pip (https://github.com/pypa/pip/issues/11664). Here they
are asked of MARKERS, a JSON object.
"""

from __future__ import annotations

import importlib
import json
import runpy
import sys


def main() -> None:
    """Put the markers in and become pip."""
    wanted: dict[str, str] = json.loads(sys.argv[1])
    markers = importlib.import_module("pip._vendor.packaging.markers")
    own = vars(markers)["default_environment"]
    vars(markers)["default_environment"] = lambda: {**own(), **wanted}
    sys.argv[:2] = ["pip", "install"]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
