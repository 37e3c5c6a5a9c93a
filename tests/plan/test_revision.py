"""The revision: equal for equal deliveries, and of nothing but what is rendered."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from istio_observability.model.custom_resource import parse_resource
from istio_observability.model.spec import IstioObservabilitySpec
from istio_observability.plan.revision import LATEST_RENDERER, decide_renderer, revision_of
from tests.plan.builders import resource

SELECTOR = {"matchLabels": {"a": "b"}}
OVERRIDE = {"name": "a", "interval": "30s"}
WINDOW = {"schedule": "0 22 * * 6", "duration": "6h"}

# Another value for every field of the spec that reaches a rendered text.
RENDERED: dict[str, Any] = {
    "metrics.profile": "Document",
    "metrics.views": ["Mesh"],
    "metrics.interval": "30s",
    "istio.namespace": "a",
    "metrics.measurement": "other",
    "metrics.extraFamilies": ["^jvm_"],
    "metrics.tags": {"a": "b"},
    "workloads.overrides": [OVERRIDE],
    "workloads.delivery": "Pod",
    "controlPlane.collect": "Never",
    "gateways": [],
    "tracing.zipkinService": "Never",
    "logs.collect": "Always",
    "logs.source": "a",
}
# And of every field that says where, which, how fast, or whether at all.
NOT_RENDERED: dict[str, Any] = {
    "mode": "Plan",
    "conflictPolicy": "Override",
    "deletionPolicy": "Orphan",
    "datakit.namespace": "a",
    "datakit.daemonSetName": "a",
    "datakit.containerName": "a",
    "datakit.configMapName": "a",
    "injection.namespaces": ["a"],
    "workloads.namespaces": ["a"],
    "workloads.namespaceSelector": SELECTOR,
    "workloads.selector": SELECTOR,
    "rollout.maxConcurrent": 7,
    "rollout.maxRestartedPods": 7,
    "rollout.disruptive": "Include",
    "rollout.timeout": "1m",
    "rollout.maxFailures": 7,
    "rollout.onFailure": "Continue",
    "rollout.approval": "Manual",
    "rollout.approvedRevision": "0123abcd",
    "rollout.windows": [WINDOW],
}
BY_RENDERER = "renderer"


def spec_with(path, value):
    """Return a spec in which one field has another value than by default."""
    spec: dict[str, Any] = {}
    inner = spec
    *groups, field = path.split(".")
    for group in groups:
        inner = inner.setdefault(group, {})
    inner[field] = value
    if field == "approvedRevision":
        inner["approval"] = "Manual"
    return resource(spec).spec


def fields_of(model, prefix=""):
    """Yield the path of every field of the spec; lists and selectors count as one."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from fields_of(kind, f"{path}.")
        else:
            yield path


DEFAULT = revision_of(resource({}).spec, LATEST_RENDERER)


def test_every_field_of_the_spec_is_one_or_the_other():
    """A new field cannot be forgotten: it must be put into one of the two tables."""
    assert set(fields_of(IstioObservabilitySpec)) == {*RENDERED, *NOT_RENDERED, BY_RENDERER}


@pytest.mark.parametrize("path", RENDERED)
def test_rendered_field_changes_the_revision(path):
    """What is delivered has changed."""
    assert revision_of(spec_with(path, RENDERED[path]), LATEST_RENDERER) != DEFAULT


@pytest.mark.parametrize("path", NOT_RENDERED)
def test_other_field_leaves_the_revision(path):
    """Pace, selection, mode and place are no new delivery."""
    assert revision_of(spec_with(path, NOT_RENDERED[path]), LATEST_RENDERER) == DEFAULT


def test_renderer_changes_the_revision():
    """The same fields in another rendering are another delivery."""
    assert revision_of(resource({}).spec, LATEST_RENDERER + 1) != DEFAULT


def test_each_rendered_field_makes_another_revision():
    """No two of the changes collide."""
    revisions = {revision_of(spec_with(path, value), 1) for path, value in RENDERED.items()}

    assert len(revisions) == len(RENDERED)


def test_revision_is_eight_hexadecimal_digits_and_stays():
    """Stored in clusters and in Git: this very value must not change with a release."""
    assert DEFAULT == "5529ed2b"


def test_equal_specs_have_equal_revisions():
    """A default that is written out, a map in another order, another cluster: no difference."""
    one = resource({"metrics": {"tags": {"a": "b", "c": "d"}, "interval": "60s"}}, uid="x")
    other = resource({"metrics": {"tags": {"c": "d", "a": "b"}}}, uid="y", name="other")

    assert revision_of(one.spec, 1) == revision_of(other.spec, 1)


def test_missing_spec_has_the_revision_of_the_defaults():
    """An absent spec is an empty one."""
    body = {
        "apiVersion": "istio-observability.dev/v1alpha1",
        "kind": "IstioObservability",
        "metadata": {"name": "mesh"},
    }

    assert revision_of(parse_resource(body).spec, 1) == DEFAULT


@pytest.mark.parametrize(
    ("asked", "in_use", "expected"),
    [(None, None, LATEST_RENDERER), (None, 1, 1), (3, 1, 3), (3, None, 3)],
    ids=["a new resource gets the latest", "one in use stays", "asked for", "asked for at birth"],
)
def test_renderer_stays_until_it_is_raised(asked, in_use, expected):
    """An upgraded operator restarts nothing by itself."""
    spec = resource({} if asked is None else {"renderer": asked}).spec

    assert expected == decide_renderer(spec, in_use)


SAME_DELIVERY = {
    "another spelling of the interval": {"metrics": {"interval": "1m"}},
    "another order of views": {
        "metrics": {"views": ["ControlPlane", "Workload", "Service", "Mesh"]}
    },
    "another order of gateways": {"gateways": [{"name": "egress"}, {"name": "ingress"}]},
}


@pytest.mark.parametrize("spec", SAME_DELIVERY.values(), ids=SAME_DELIVERY.keys())
def test_what_changes_no_byte_changes_no_revision(spec):
    """A spec that only looks different delivers the same, so nothing waits or is marked."""
    assert revision_of(resource(spec).spec, LATEST_RENDERER) == DEFAULT
