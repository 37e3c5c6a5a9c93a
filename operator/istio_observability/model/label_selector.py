"""
Label selectors, with the meaning they have everywhere in Kubernetes.

The API server does not check selectors inside a custom resource; a wrong operator or a key that
no label can have would silently select nothing, so both are refused here and by CEL.

Source: ``LabelSelectorAsSelector`` in kubernetes/apimachinery, pkg/apis/meta/v1/helpers.go.
"""

# ruff: noqa: TC003 - pydantic reads the annotations of a model at run time

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar, Final

from pydantic import Field, StringConstraints

from istio_observability.model.schema_markers import Atomic, Explain, Restarts, Rule
from istio_observability.model.spec_base import SpecModel

LABEL_VALUE_PATTERN: Final = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
LABEL_KEY_PATTERN: Final = (
    "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]$"
)

_LABEL_KEY: Final = re.compile(LABEL_KEY_PATTERN.strip("^$"), re.ASCII)

LabelKey = Annotated[
    str, StringConstraints(min_length=1, max_length=317, pattern=LABEL_KEY_PATTERN)
]
LabelValue = Annotated[str, StringConstraints(max_length=63, pattern=LABEL_VALUE_PATTERN)]

_SELECTION: Final = (Restarts.WORKLOADS,)


class SelectorOperator(StrEnum):
    """How a label is compared."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"


def _values_fit_operator(requirement: LabelRequirement) -> bool:
    needs_values = requirement.operator in {SelectorOperator.IN, SelectorOperator.NOT_IN}
    return needs_values == bool(requirement.values)


class LabelRequirement(SpecModel):
    """One comparison of one label."""

    key: Annotated[LabelKey, Explain("Label key that the comparison reads.", restarts=_SELECTION)]
    operator: Annotated[
        SelectorOperator,
        Explain(
            "In and NotIn compare with values (NotIn also holds without the label); Exists and"
            " DoesNotExist ask for the key only.",
            restarts=_SELECTION,
        ),
    ]
    values: Annotated[
        tuple[LabelValue, ...],
        Field(max_length=64),
        Atomic(),
        Explain("Values for In and NotIn, at least one; none otherwise.", restarts=_SELECTION),
    ] = ()

    rules: ClassVar = (
        Rule(
            cel="(self.operator in ['In', 'NotIn']) == (size(self.values) > 0)",
            found="does not fit the operator",
            remedy="give values with In and NotIn, none with Exists and DoesNotExist",
            holds=_values_fit_operator,
            field_path=".values",
        ),
    )

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether ``labels`` satisfy this comparison."""
        present = self.key in labels
        match self.operator:
            case SelectorOperator.IN:
                return present and labels[self.key] in self.values
            case SelectorOperator.NOT_IN:
                return not present or labels[self.key] not in self.values
            case SelectorOperator.EXISTS:
                return present
            case SelectorOperator.DOES_NOT_EXIST:
                return not present


class LabelSelector(SpecModel):
    """A selector by labels; all parts must hold, and an empty one matches everything."""

    match_labels: Annotated[
        Mapping[str, LabelValue],
        Field(max_length=32),
        Rule(
            cel=f"self.all(k, k.size() <= 317 && k.matches('{LABEL_KEY_PATTERN}'))",
            found="has a key that no label can have",
            remedy="use a label key such as app.kubernetes.io/name",
            holds=lambda labels: all(
                len(key) <= 317 and _LABEL_KEY.fullmatch(key) for key in labels
            ),
        ),
        Explain("Labels that must all have exactly these values.", restarts=_SELECTION),
    ] = {}
    match_expressions: Annotated[
        tuple[LabelRequirement, ...],
        Field(max_length=32),
        Atomic(),
        Explain("Comparisons that must all hold.", restarts=_SELECTION),
    ] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Return whether ``labels`` satisfy every part of the selector."""
        return all(labels.get(key) == value for key, value in self.match_labels.items()) and all(
            requirement.matches(labels) for requirement in self.match_expressions
        )
