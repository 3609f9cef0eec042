"""What a stack tells the world: the outputs that the manifest declares, and no others.

CloudFormation allows 200 outputs, which outputs of our own for every function would soon use up.
"""

from __future__ import annotations

from lambent.compiler.errors import CompileError
from lambent.compiler.intrinsics import Value
from lambent.compiler.names import export_name, pascal
from lambent.compiler.resources.scope import Scope


def outputs(scope: Scope) -> dict[str, Value]:
    """Return the outputs, each exported: as `export` says, or as `<stack>:<output>`."""
    compiled: dict[str, Value] = {}
    for name, output in scope.system.outputs.items():
        key = pascal(name)
        if key in compiled:
            path = ("outputs", name)
            raise CompileError(f"outputs.{name}: CloudFormation knows two outputs as {key}", path=path)
        compiled[key] = {
            **({"Description": output.description} if output.description else {}),
            "Value": scope.references.value(output.value),
            "Export": {"Name": output.export or export_name(scope.system.stack, name)},
        }
    return compiled


def output_names(scope: Scope) -> dict[str, str]:
    """Return what the manifest calls each output, by the key it has on AWS, where letters and digits have to do."""
    return {pascal(name): name for name in scope.system.outputs}
