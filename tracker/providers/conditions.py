"""Which of a kind's rules an answer fits: the first one has the word, before the status map."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracker.providers.pointer import Nothing, look_up

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracker.providers.sections import Condition, Rule


def fitting_rule(rules: Iterable[Rule], http_status: int, document: Any, *, is_empty: bool) -> Rule | None:  # noqa: ANN401 - JSON
    """The first rule that an answer fits; `document` is `Nothing` where the body is not JSON."""
    return next((rule for rule in rules if _fits(rule, http_status, document, is_empty=is_empty)), None)


def _fits(rule: Rule, http_status: int, document: Any, *, is_empty: bool) -> bool:  # noqa: ANN401 - JSON
    if http_status not in rule.http and f"{http_status // 100}xx" not in rule.http:
        return False
    if rule.empty is not None and rule.empty != is_empty:
        return False
    if document is Nothing:
        # What is not JSON has no fields: to take that for absent ones would read a status out of an error page. Only a
        # rule that speaks of nothing but the code, or of emptiness, fits it.
        return not rule.where and ("http" in rule.model_fields_set or rule.empty is not None)
    return all(_holds(each, document) for each in rule.where)


def _holds(condition: Condition, document: Any) -> bool:  # noqa: ANN401 - JSON
    value = look_up(document, condition.pointer)
    wanted = condition.one_of if condition.equals is None else (condition.equals,)
    if wanted is not None:
        return any(_is_same(condition.folded(value), condition.folded(each)) for each in wanted)
    return _is(str(condition.is_), value)


def _is(sort: str, value: Any) -> bool:  # noqa: ANN401 - JSON
    if sort in ("present", "absent"):
        return (value is not Nothing) == (sort == "present")
    if sort in ("truthy", "falsy"):
        return (value is not Nothing and bool(value)) == (sort == "truthy")
    if sort == "null":
        return value is None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and (value == 0) == (sort == "zero")


def _is_same(value: Any, wanted: Any) -> bool:  # noqa: ANN401 - JSON
    # In Python True is 1; in JSON it is not.
    return isinstance(value, bool) == isinstance(wanted, bool) and value == wanted
