"""Runs pip for another Python: `python -m lambent.deploy.packaging.pip_elsewhere MARKERS …` = `pip install …`.

pip's --platform and --python-version choose wheels by their tags, but environment markers such as
`; python_version < "3.11"` are asked of the Python that runs pip (https://github.com/pypa/pip/issues/11664). Here they
are asked of MARKERS, a JSON object. Before pip 23.3, whose elders come with many a Python, `install` overlooked
--python-version where a package says which Python it requires.
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
    _require(tuple(int(part) for part in wanted["python_version"].split(".")))
    sys.argv[:2] = ["pip", "install"]
    runpy.run_module("pip", run_name="__main__", alter_sys=True)


def _require(version: tuple[int, ...]) -> None:
    command = importlib.import_module("pip._internal.cli.req_command").RequirementCommand
    own = vars(command)["make_resolver"].__func__

    def make_resolver(cls: type, /, *given: object, **named: object) -> object:
        if named.get("py_version_info") is None:
            named["py_version_info"] = version
        return own(cls, *given, **named)

    command.make_resolver = classmethod(make_resolver)


if __name__ == "__main__":
    main()
