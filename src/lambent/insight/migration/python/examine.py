"""A Python function's code → what in it breaks, or costs more, where requests share an execution environment."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from lambent.base.diagnostics import SourceSpan
from lambent.insight.migration.code_files import CodeFiles
from lambent.insight.migration.findings import Finding
from lambent.insight.migration.python import removed, temporary
from lambent.insight.migration.python.modules import Module, Package, read_package
from lambent.insight.migration.python.reach import Reach, Reached
from lambent.insight.migration.python.resources import made
from lambent.insight.migration.python.scope import Scope
from lambent.insight.migration.python.spots import Spot, found
from lambent.insight.migration.python.state import changes
from lambent.insight.migration.python.texts import Texts, View
from lambent.insight.migration.rules import RULES


def examine(files: CodeFiles, handler: str, environment: Mapping[str, str], runtime: str) -> list[Finding]:
    """Return what is found in the code that the handler reaches; `runtime` is the one that it is to run on."""
    package = read_package(files)
    findings = [*_faults(package, files)]
    reach = Reach(package, handler)
    imported = _imported(package, reach)
    for module in imported:
        for name, node in removed.imports(module, runtime):
            what = f"{name} is no longer a module of {runtime}"
            findings += _kept(found("removed-module", what, Spot(node, module, files.root)))
    if not reach.is_found:
        return [*findings, *_no_handler(package, handler, files)]
    texts = Texts(reach, environment)
    for module in imported:
        view = View(Scope(package, module, None))
        findings += _temporary(view, texts, files.root)
    is_in_tmp = _works_in_tmp(reach, texts)
    for here in reach.reached.values():
        view = View(here.scope, here)
        module = here.function.module
        findings += _temporary(view, texts, files.root, is_in_tmp=is_in_tmp)
        for one in (*changes(here, reach), *made(here), *_caches(here)):
            findings += _kept(found(one.rule, one.what, Spot(one.node, module, files.root), one.remedy))
    return list(dict.fromkeys(findings))


def _temporary(view: View, texts: Texts, root: str, *, is_in_tmp: bool = False) -> Iterator[Finding]:
    module, is_init = view.scope.module, view.reached is None
    who = "every worker process writes it as it starts" if is_init else "requests at the same time write it, too"
    for call in view.scope.body:
        if not isinstance(call, ast.Call):
            continue
        for name, place in temporary.written(call, view):
            names = [*temporary.commanded(place, texts, view)] if temporary.is_program(name) else texts.of(place, view)
            for text in names:
                rule = temporary.judged(text, is_relative_to_tmp=is_in_tmp)
                if rule is None:
                    continue
                what = f"{name} changes {temporary.shown(text)}: {who}"
                if temporary.is_program(name):
                    what = f"a program is given {temporary.shown(text)}: {who.replace('write', 'use')}"
                if rule == "tmp-name-of-request":
                    what = f"{name} changes {temporary.shown(text)}: two requests may bring the same name"
                yield from _kept(found(rule, what, Spot(call, module, root)))
                break


def _works_in_tmp(reach: Reach, texts: Texts) -> bool:
    """Return whether the code goes into /tmp itself, so that names without a folder are names there."""
    scopes = [View(one.scope, one) for one in reach.reached.values()]
    scopes += [View(Scope(reach.package, module, None)) for module in _imported(reach.package, reach)]
    return any(
        isinstance(node, ast.Call)
        and view.scope.full_name(node.func) == "os.chdir"
        and node.args
        and any(text[0] in {"/tmp", "/tmp/"} and len(text) == 1 for text in texts.of(node.args[0], view))
        for view in scopes
        for node in view.scope.body
    )


def _caches(here: Reached) -> Iterator[removed.State]:
    """Yield the caches of functions that are called with what requests bring, and are not bounded."""
    node = here.function.node
    if isinstance(node, ast.Lambda) or not (here.requested & {*here.function.parameters}):
        return
    scope = Scope(here.scope.package, here.function.module, None)
    for one in node.decorator_list:
        name = scope.full_name(one.func if isinstance(one, ast.Call) else one)
        if name in {"functools.lru_cache", "functools.cache"}:
            what = f"{here.function.name} keeps its answers in each worker by itself"
            yield removed.State("worker-cache", what, one)


def _imported(package: Package, reach: Reach) -> list[Module]:
    """Return the modules that are imported with the handler's, itself included."""
    if reach.module is None:
        return []
    listed = [reach.module]
    for module in listed:
        for full in module.imports.values():
            parts = full.split(".")
            for end in range(1, len(parts) + 1):
                inner = package.modules.get(".".join(parts[:end]))
                if inner is not None and inner not in listed:
                    listed.append(inner)
    return listed


def _faults(package: Package, files: CodeFiles) -> Iterator[Finding]:
    for file, error in package.faults.items():
        line, column = max(error.lineno or 1, 1), max(error.offset or 1, 1)
        span = SourceSpan(files.shown(file), line, column, line, column + 1)
        rule = RULES["code-syntax"]
        yield Finding(rule.name, rule.severity, f"{file} cannot be read: {error.msg}", span, rule.remedy)


def _no_handler(package: Package, handler: str, files: CodeFiles) -> Iterator[Finding]:
    module = handler.rpartition(".")[0].replace("/", ".")
    if f"{module.replace('.', '/')}.py" in package.faults or handler.startswith("/"):
        return
    vendored = any(
        name.startswith((f"{module.replace('.', '/')}.", f"{module.replace('.', '/')}/")) for name in files.names
    )
    if vendored:
        return  # a package that wraps the handler, such as a monitoring product's
    rule = RULES["handler"]
    known = ", ".join(sorted(package.modules)[:8]) or "none"
    what = f"{handler} is not in the code; its modules: {known}"
    yield Finding(rule.name, rule.severity, what, None, rule.remedy)


def _kept(one: Finding | None) -> list[Finding]:
    return [] if one is None else [one]
