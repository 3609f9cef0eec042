"""Trees bound to the names and values of a request, and the operands' types checked, in AWS's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from lambent.cloud.errors import ServiceError
from lambent.cloud.services.dynamodb.errors import invalid
from lambent.cloud.services.dynamodb.model.expressions.parser import (
    CONDITION_FUNCTIONS,
    parse_condition,
    parse_projection,
    parse_update,
    wrong,
)
from lambent.cloud.services.dynamodb.model.expressions.paths import check_distinct
from lambent.cloud.services.dynamodb.model.expressions.syntax import (
    Arithmetic,
    Between,
    Both,
    Call,
    Change,
    Comparison,
    Condition,
    Constant,
    Either,
    In,
    Not,
    Operand,
    Path,
    Placeholder,
    Update,
)
from lambent.cloud.services.dynamodb.model.values import SCALARS, Value, checked, described, sort_key, type_of

_NAME = re.compile(r"#[A-Za-z0-9_]+")
_VALUE = re.compile(r":[A-Za-z0-9_]+")
_TYPES = ("B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M")
_LONG_NAMES = {
    "S": "STRING", "N": "NUMBER", "B": "BINARY", "SS": "STRING_SET", "NS": "NUMBER_SET", "BS": "BINARY_SET",
    "M": "MAP", "L": "LIST", "BOOL": "BOOLEAN", "NULL": "NULL",
}  # fmt: skip
_CHANGED_BY = {"ADD": {"N", "SS", "NS", "BS"}, "DELETE": {"SS", "NS", "BS"}}


class Bindings:
    """The `#names` and `:values` of one request; what no expression uses is refused by `finish`."""

    def __init__(self, names: Mapping[str, str] | None, values: Mapping[str, Value] | None) -> None:
        self._names = names or {}
        self._values = {key: _checked_value(key, value) for key, value in (values or {}).items()}
        self._used: set[str] = set()
        if names is not None:
            _check_keys(names, "Names", _NAME)
        if values is not None:
            _check_keys(values, "Values", _VALUE)

    def condition(self, text: str, kind: str = "ConditionExpression") -> Condition:
        """Return a bound condition; raises ValidationException."""
        return _Binder(self, kind).condition(parse_condition(text, kind))

    def update(self, text: str) -> Update:
        """Return a bound update; raises ValidationException."""
        binder = _Binder(self, "UpdateExpression")
        changes = tuple(binder.change(change) for change in parse_update(text))
        check_distinct([change.path for change in changes], "UpdateExpression")
        return changes

    def projection(self, text: str) -> tuple[Path, ...]:
        """Return the bound paths of a projection; raises ValidationException."""
        binder = _Binder(self, "ProjectionExpression")
        paths = tuple(binder.path(path) for path in parse_projection(text))
        check_distinct(paths, "ProjectionExpression")
        return paths

    def finish(self) -> None:
        """Raise ValidationException where a name or value is used by no expression."""
        for given, word in ((self._names, "Names"), (self._values, "Values")):
            unused = [key for key in given if key not in self._used]
            if unused:
                raise invalid(
                    f"Value provided in ExpressionAttribute{word} unused in expressions: keys: {{{', '.join(unused)}}}"
                )

    def name(self, key: str, kind: str) -> str:
        """Return the attribute that a `#name` stands for; raises ValidationException."""
        if key not in self._names:
            raise wrong(
                kind,
                f"An expression attribute name used in the document path is not defined; attribute name: {key}",
            )
        self._used.add(key)
        return self._names[key]

    def value(self, key: str, kind: str) -> Value:
        """Return the value that a `:value` stands for; raises ValidationException."""
        if key not in self._values:
            raise wrong(
                kind, f"An expression attribute value used in expression is not defined; attribute value: {key}"
            )
        self._used.add(key)
        return self._values[key]


def _check_keys(given: Mapping[str, object], word: str, pattern: re.Pattern[str]) -> None:
    if not given:
        raise invalid(f"ExpressionAttribute{word} must not be empty")
    for key in given:
        if not pattern.fullmatch(key):
            raise invalid(f'ExpressionAttribute{word} contains invalid key: Syntax error; key: "{key}"')


def _checked_value(key: str, value: Value) -> Value:
    try:
        return checked(value)
    except ServiceError as error:
        raise invalid(f"ExpressionAttributeValues contains invalid value: {error.message} for key {key}") from error


def _known_type(operand: Operand) -> str | None:
    """Return the type that an operand has whatever the item; None where it depends on the item."""
    if isinstance(operand, Constant):
        return type_of(operand.value)
    return "N" if isinstance(operand, Call) and operand.function == "size" else None


class _Binder:
    def __init__(self, bindings: Bindings, kind: str) -> None:
        self._bindings = bindings
        self._kind = kind

    def _wrong(self, message: str) -> ServiceError:
        return wrong(self._kind, message)

    def path(self, path: Path) -> Path:
        parts = path.parts
        if not any(isinstance(part, str) and part.startswith("#") for part in parts):
            return path
        return Path(
            tuple(
                self._bindings.name(part, self._kind) if isinstance(part, str) and part.startswith("#") else part
                for part in parts
            )
        )

    def operand(self, operand: Operand) -> Operand:
        match operand:
            case Path():
                return self.path(operand)
            case Placeholder(name):
                return Constant(self._bindings.value(name, self._kind))
            case Call(function, operands):
                return self._call(Call(function, tuple(map(self.operand, operands))))
            case Arithmetic(operator, left, right):
                found = Arithmetic(operator, self.operand(left), self.operand(right))
                self._check_types(operator, (found.left, found.right), {"N"})
                return found
            case Constant():
                return operand

    def condition(self, condition: Condition) -> Condition:
        match condition:
            case Comparison(operator, left, right):
                return self._comparison(Comparison(operator, self.operand(left), self.operand(right)))
            case Between(operand, low, high):
                return self._between(Between(self.operand(operand), self.operand(low), self.operand(high)))
            case In(operand, choices):
                return In(self.operand(operand), tuple(map(self.operand, choices)))
            case Not(inner):
                return Not(self.condition(inner))
            case Both(left, right):
                return Both(self.condition(left), self.condition(right))
            case Either(left, right):
                return Either(self.condition(left), self.condition(right))
            case Call(function, operands):
                return self._call(Call(function, tuple(map(self.operand, operands))))

    def _comparison(self, found: Comparison) -> Comparison:
        self._check_distinct(found.operator, (found.left, found.right))
        if found.operator not in {"=", "<>"}:
            self._check_types(found.operator, (found.left, found.right), SCALARS)
        return found

    def _check_distinct(self, operator: str, operands: Sequence[Operand]) -> None:
        first = operands[0]
        if isinstance(first, Path) and first in operands[1:]:
            raise self._wrong(
                "The first operand must be distinct from the remaining operands for this operator or function; "
                f"operator: {operator}, first operand: {first}"
            )

    def _between(self, found: Between) -> Between:
        self._check_types("BETWEEN", (found.operand, found.low, found.high), SCALARS)
        if not isinstance(found.low, Constant) or not isinstance(found.high, Constant):
            return found
        low, high = found.low.value, found.high.value
        shown = f"lower bound operand: AttributeValue: {described(low)}, upper bound operand: AttributeValue: " + (
            described(high)
        )
        if type_of(low) != type_of(high):
            raise self._wrong(
                f"The BETWEEN operator requires same data type for lower and upper bounds; {shown}",
            )
        if sort_key(low) > sort_key(high):
            raise self._wrong(
                f"The BETWEEN operator requires upper bound to be greater than or equal to lower bound; {shown}",
            )
        return found

    def _call(self, call: Call) -> Call:
        checks: Mapping[str, Callable[[Call], None]] = {
            "attribute_exists": self._needs_path,
            "attribute_not_exists": self._needs_path,
            "attribute_type": self._names_type,
            "if_not_exists": self._needs_path,
            "begins_with": lambda call: self._check_types("begins_with", call.operands, {"S", "B"}),
            "list_append": lambda call: self._check_types("list_append", call.operands, {"L"}),
            "size": lambda call: self._check_types("size", call.operands, set(_TYPES) - {"N", "BOOL", "NULL"}),
        }
        if call.function in CONDITION_FUNCTIONS:
            self._check_distinct(call.function, call.operands)
        check = checks.get(call.function)
        if check is not None:
            check(call)
        return call

    def _needs_path(self, call: Call) -> None:
        if not isinstance(call.operands[0], Path):
            raise self._wrong(f"Operator or function requires a document path; operator or function: {call.function}")

    def _names_type(self, call: Call) -> None:
        self._check_types(call.function, call.operands[1:], {"S"})
        wanted = call.operands[1]
        if not isinstance(wanted, Constant):
            raise self._wrong(f"Operator or function requires a literal; operator or function: {call.function}")
        if wanted.value["S"] not in _TYPES:
            raise self._wrong(
                f"Invalid attribute type name found; type: {wanted.value['S']}, valid types: {{{','.join(_TYPES)}}}"
            )

    def _check_types(self, operator: str, operands: Sequence[Operand], allowed: set[str] | frozenset[str]) -> None:
        for each in operands:
            kind = _known_type(each)
            if kind is not None and kind not in allowed:
                raise self._wrong(
                    "Incorrect operand type for operator or function; operator or function: "
                    f"{operator}, operand type: {kind}"
                )

    def change(self, change: Change) -> Change:
        path = self.path(change.path)
        operand = None if change.operand is None else self.operand(change.operand)
        allowed = _CHANGED_BY.get(change.section)
        if allowed is not None and isinstance(operand, Constant) and type_of(operand.value) not in allowed:
            raise self._wrong(
                f"Incorrect operand type for operator or function; operator: {change.section}, operand type: "
                f"{_LONG_NAMES[type_of(operand.value)]}, typeSet: ALLOWED_FOR_{change.section}_OPERAND"
            )
        return Change(change.section, path, operand)
