"""What the functions of a system cost, as text and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from lambent.cli.views import human
from lambent.cli.views.cost import dollars, fact_document, figures, line_document, price_list
from lambent.insight.bill import Line
from lambent.insight.cost import Prices
from lambent.insight.system_cost import FunctionCost, SystemCost

_TOLD = {"traffic", "duration", "memory", "provisioned", "/tmp"}
_OWN = {"requests": "REQUESTS", "duration": "DURATION", "provisioned": "PROVISIONED", "/tmp": "/TMP"}


def show(whole: SystemCost, idle: Sequence[str], prices: Prices) -> None:
    """Print a line for each function, the capacity providers with their functions, the total, and all sources."""
    human.line(
        f"{len(whole.functions)} function{'' if len(whole.functions) == 1 else 's'} in {prices.region}, USD a month"
    )
    human.line()
    headings = ("FUNCTION", "MODEL", "REQUESTS A MONTH", *_OWN.values(), "INSTANCES", "TOTAL")
    figures(headings, [*map(_row, whole.functions), _sum(whole)], left=2)
    for one in whole.providers:
        human.line()
        human.line(
            f"{human.styled(one.name, 'bold')}: {one.instances} {one.instance_type} for the peaks of its functions, "
            f"{dollars(one.monthly)} a month with the fee; shared by the vCPUs of their environments:"
        )
        members = [function for function in whole.functions if function.provider == one.name]
        figures(
            ("FUNCTION", "ENVIRONMENTS", "SHARE"),
            [(each.subject.size.name, f"{each.environments:,}", dollars(each.shared_usd)) for each in members],
        )
    if idle:
        human.line()
        human.line(f"Without any traffic: {', '.join(idle)}.")
        human.line("On a capacity provider such a function keeps its least environments, which are not counted here.")
    human.line()
    rows = [
        (one.subject.size.name, fact.name, fact.told, str(fact.origin))
        for one in whole.functions
        for fact in one.subject.facts
        if fact.name in _TOLD
    ]
    human.table(("FUNCTION", "FIGURE", "VALUE", "FROM"), rows)
    human.line()
    price_list(line.price.source for line in _lines(whole))


def as_document(whole: SystemCost, idle: Sequence[str], prices: Prices) -> dict[str, object]:
    """Return the costs for programs; amounts are numbers of USD."""
    return {
        "region": prices.region,
        "usd_per_month": float(whole.monthly),
        "functions": [
            {
                "function": one.subject.size.name,
                "usd_per_month": float(one.monthly),
                "requests_per_month": float(one.comparison.requests),
                "lines": [line_document(line) for line in one.lines],
                "capacity_provider": one.provider,
                "environments": one.environments,
                "shared_usd_per_month": float(one.shared_usd),
                "figures": [fact_document(fact) for fact in one.subject.facts],
            }
            for one in whole.functions
        ],
        "capacity_providers": [
            {
                "capacity_provider": one.name,
                "instance_type": one.instance_type,
                "instances": one.instances,
                "usd_per_month": float(one.monthly),
                "lines": [line_document(line) for line in one.lines],
            }
            for one in whole.providers
        ],
        "without_traffic": list(idle),
    }


def _row(one: FunctionCost) -> tuple[str, ...]:
    own = [_amount(one.lines, name) for name in _OWN]
    shared = dollars(one.shared_usd) if one.provider else ""
    model = f"managed ({one.provider})" if one.provider else "on demand"
    requests = f"{one.comparison.requests:,.0f}"
    return (one.subject.size.name, model, requests, *own, shared, dollars(one.monthly))


def _amount(lines: Sequence[Line], name: str) -> str:
    """Return what the lines come to whose names begin so: a duration may have several tiers."""
    found = [line.usd for line in lines if line.name.startswith(name)]
    return dollars(sum(found, Decimal("0.00"))) if found else ""


def _sum(whole: SystemCost) -> tuple[str, ...]:
    return ("total", *[""] * (3 + len(_OWN)), dollars(whole.monthly))


def _lines(whole: SystemCost) -> list[Line]:
    own = [line for one in whole.functions for line in one.lines]
    return own + [line for one in whole.providers for line in one.lines]
