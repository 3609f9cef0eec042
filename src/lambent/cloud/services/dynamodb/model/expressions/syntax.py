"""The trees of expressions. Before they are bound, paths hold `#names` and operands are `Placeholder`s."""

from __future__ import annotations

from dataclasses import dataclass

from lambent.cloud.services.dynamodb.model.values import Value


@dataclass(frozen=True, slots=True)
class Path:
    """A document path: names of attributes and places in lists."""

    parts: tuple[str | int, ...]

    def __str__(self) -> str:
        return f"[{', '.join(f'[{part}]' if isinstance(part, int) else part for part in self.parts)}]"

    @property
    def top(self) -> str:
        """The attribute of the item in which the path begins."""
        return str(self.parts[0])


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A `:value` that is not bound yet."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that the request gives."""

    value: Value


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its operands."""

    function: str
    operands: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The sum or difference of two operands, in an update."""

    operator: str
    left: Operand
    right: Operand


Operand = Path | Placeholder | Constant | Call | Arithmetic


@dataclass(frozen=True, slots=True)
class Comparison:
    """`left operator right`."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Between:
    """`operand BETWEEN low AND high`."""

    operand: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True, slots=True)
class In:
    """`operand IN (choices)`."""

    operand: Operand
    choices: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """`NOT condition`."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class Both:
    """`left AND right`."""

    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class Either:
    """`left OR right`."""

    left: Condition
    right: Condition


Condition = Comparison | Between | In | Not | Both | Either | Call


@dataclass(frozen=True, slots=True)
class Change:
    """One action of an update: its section (SET, REMOVE, ADD, DELETE), where, and with what."""

    section: str
    path: Path
    operand: Operand | None = None


Update = tuple[Change, ...]
