"""Who gets a sidecar, compared with the webhooks' selectors evaluated one by one."""

from __future__ import annotations

from itertools import product

import pytest

from istio_observability.istio.injection import (
    Injection,
    InjectionWhy,
    decide_injection,
    has_sidecar,
    is_ambient,
)

INJECT = "sidecar.istio.io/inject"
REVISION = "istio.io/rev"
MODE = "istio.io/dataplane-mode"
SYSTEM = ("kube-system", "kube-public", "kube-node-lease", "local-path-storage")

ENABLING = (None, "enabled", "disabled", "true")
NAMESPACE_REVISIONS = (None, "default", "canary", "gone")
POD_INJECTS = (None, "true", "false")
POD_REVISIONS = (None, "canary", "gone")


def _labels(**pairs: str | None) -> dict[str, str]:
    names = {"injection": "istio-injection", "revision": REVISION, "inject": INJECT}
    return {names[key]: value for key, value in pairs.items() if value is not None}


def _selects(expressions: list[tuple[str, str, tuple[str, ...]]], labels: dict[str, str]) -> bool:
    """Evaluate label selector requirements as the API server does."""
    for key, operator, values in expressions:
        fits = {
            "In": key in labels and labels[key] in values,
            "NotIn": key not in labels or labels[key] not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }[operator]
        if not fits:
            return False
    return True


def _webhooks(revisions: frozenset[str], by_default: bool):
    """Write out every webhook with its two selectors, as Istio's charts install them."""
    not_refused = (INJECT, "NotIn", ("false",))
    no_injection = ("istio-injection", "DoesNotExist", ())
    no_revision = (REVISION, "DoesNotExist", ())
    for revision in revisions:
        mine = (REVISION, "In", (revision,))
        yield revision, [mine, no_injection], [not_refused]
        yield revision, [no_revision, no_injection], [not_refused, mine]
    if "default" in revisions:
        yield "default", [("istio-injection", "In", ("enabled",))], [not_refused]
        wanted = (INJECT, "In", ("true",))
        yield "default", [no_injection, no_revision], [wanted, no_revision]
        if by_default:
            names = ("kubernetes.io/metadata.name", "NotIn", SYSTEM)
            absent = (INJECT, "DoesNotExist", ())
            yield "default", [no_injection, no_revision, names], [absent, no_revision]


def _called(namespace: dict[str, str], pod: dict[str, str], revisions, by_default) -> list[str]:
    return [
        revision
        for revision, namespace_selector, object_selector in _webhooks(revisions, by_default)
        if _selects(namespace_selector, namespace) and _selects(object_selector, pod)
    ]


COMBINATIONS = list(product(ENABLING, NAMESPACE_REVISIONS, POD_INJECTS, POD_REVISIONS))
INSTALLED = {
    "default and canary": frozenset({"default", "canary"}),
    "default alone": frozenset({"default"}),
    "canary alone": frozenset({"canary"}),
    "none": frozenset(),
}


def test_the_table_has_144_rows():
    """Four and four values on the namespace, three and three on the pod."""
    assert len(COMBINATIONS) == 144


@pytest.mark.parametrize("by_default", [False, True])
@pytest.mark.parametrize("revisions", INSTALLED.values(), ids=INSTALLED.keys())
def test_first_gate_is_that_of_the_selectors(revisions: frozenset[str], by_default: bool):
    """In all 144 combinations the same webhook is called, and never two."""
    for injection, namespace_revision, inject, pod_revision in COMBINATIONS:
        namespace = _labels(injection=injection, revision=namespace_revision)
        pod = _labels(inject=inject, revision=pod_revision)
        called = _called(
            {**namespace, "kubernetes.io/metadata.name": "prod"}, pod, revisions, by_default
        )
        verdict = decide_injection(
            "prod",
            namespace,
            pod,
            {},
            host_network=False,
            revisions=revisions,
            enabled_by_default=by_default,
        )

        assert len(called) <= 1
        assert ([verdict.revision] if verdict.injected else []) == called


SECOND_GATE = {
    "nothing speaks against it": ({}, {}, "prod", False, None),
    "host network": ({}, {}, "prod", True, InjectionWhy.HOST_NETWORK),
    "system namespace": ({}, {}, "kube-system", False, InjectionWhy.IGNORED_NAMESPACE),
    "annotation refuses": ({}, {INJECT: "false"}, "prod", False, InjectionWhy.POD_DISABLED),
    "annotation agrees": ({}, {INJECT: "true"}, "prod", False, None),
    "annotation is invalid": ({}, {INJECT: "no"}, "prod", False, None),
    "label wins over annotation": ({INJECT: "true"}, {INJECT: "false"}, "prod", False, None),
    "invalid label still wins": ({INJECT: "yes"}, {INJECT: "false"}, "prod", False, None),
    "empty label still wins": ({INJECT: ""}, {INJECT: "false"}, "prod", False, None),
    "label refuses": ({INJECT: "false"}, {INJECT: "true"}, "prod", False, "first gate"),
}


@pytest.mark.parametrize(
    ("pod", "annotations", "namespace", "host_network", "refusal"),
    SECOND_GATE.values(),
    ids=SECOND_GATE.keys(),
)
def test_second_gate(pod, annotations, namespace, host_network, refusal):
    """In a labelled namespace istiod may still refuse."""
    verdict = decide_injection(
        namespace,
        {"istio-injection": "enabled"},
        pod,
        annotations,
        host_network=host_network,
        revisions=frozenset({"default"}),
    )

    if refusal is None:
        assert verdict == Injection(True, "default", InjectionWhy.NAMESPACE_ENABLED)
    else:
        expected = InjectionWhy.POD_DISABLED if refusal == "first gate" else refusal
        assert (verdict.injected, verdict.why) == (False, expected)


WHYS = {
    "annotation alone does nothing": ({}, {}, {INJECT: "true"}, InjectionWhy.NOT_ENABLED),
    "revision that is not installed": ({REVISION: "gone"}, {}, {}, "RevisionNotInstalled"),
    "any other value shuts out": (
        {"istio-injection": "on"},
        {INJECT: "true"},
        {},
        "NamespaceDisabled",
    ),
    "empty value shuts out": (
        {"istio-injection": ""},
        {REVISION: "canary"},
        {},
        "NamespaceDisabled",
    ),
    "revision of the namespace": ({REVISION: "canary"}, {}, {}, "NamespaceRevision"),
    "revision of the pod": ({}, {REVISION: "canary"}, {}, "PodRevision"),
    "label of the pod": ({}, {INJECT: "true"}, {}, "PodEnabled"),
    "injection label beats revision": (
        {"istio-injection": "enabled", REVISION: "canary"},
        {},
        {},
        "NamespaceEnabled",
    ),
}


@pytest.mark.parametrize(("namespace", "pod", "annotations", "why"), WHYS.values(), ids=WHYS.keys())
def test_why(namespace, pod, annotations, why):
    """The rule that decided is told."""
    verdict = decide_injection(
        "prod",
        namespace,
        pod,
        annotations,
        host_network=False,
        revisions=frozenset({"default", "canary"}),
    )

    assert verdict.why == why


AMBIENT = {
    "namespace enrolled": ({MODE: "ambient"}, {}, {}, False, True),
    "pod enrolled": ({}, {MODE: "ambient"}, {}, False, True),
    "pod opts out": ({MODE: "ambient"}, {MODE: "none"}, {}, False, False),
    "pod says something else": ({MODE: "ambient"}, {MODE: "x"}, {}, False, True),
    "host network": ({MODE: "ambient"}, {}, {}, True, False),
    "already injected": ({MODE: "ambient"}, {}, {"sidecar.istio.io/status": "{}"}, False, False),
    "nothing": ({}, {}, {}, False, False),
}


@pytest.mark.parametrize(
    ("namespace", "pod", "annotations", "host_network", "expected"),
    AMBIENT.values(),
    ids=AMBIENT.keys(),
)
def test_ambient(namespace, pod, annotations, host_network, expected):
    """A pod in ambient mode is in the mesh and gets no sidecar."""
    assert is_ambient(namespace, pod, annotations, host_network=host_network) is expected

    verdict = decide_injection(
        "prod",
        namespace,
        pod,
        annotations,
        host_network=host_network,
        revisions=frozenset({"default"}),
    )

    assert not verdict.injected
    assert (verdict.why is InjectionWhy.AMBIENT) is expected


def test_a_sidecar_wins_over_ambient():
    """Where both are asked for, the pod is injected."""
    verdict = decide_injection(
        "prod",
        {"istio-injection": "enabled", MODE: "ambient"},
        {},
        {},
        host_network=False,
        revisions=frozenset({"default"}),
    )

    assert verdict.injected


def test_a_verdict_is_no_truth_value():
    """A refusal is an object too, so its truth would always be true."""
    with pytest.raises(TypeError):
        bool(Injection(injected=False, revision="", why=InjectionWhy.NOT_ENABLED))


STATUS = '{"initContainers":["istio-init"],"containers":["istio-proxy"],"revision":"default"}'
NATIVE = '{"initContainers":["istio-init","istio-proxy"],"containers":null}'
PROXY = {"name": "istio-proxy"}
SIDECARS = {
    "container": ({}, [{"name": "app"}, PROXY], [], True),
    "native sidecar": ({}, [{"name": "app"}], [{**PROXY, "restartPolicy": "Always"}], True),
    "init container that ends": ({}, [{"name": "app"}], [PROXY], False),
    "no proxy": ({}, [{"name": "app"}], [{"name": "istio-init"}], False),
    "copied status without proxy": (
        {"sidecar.istio.io/status": STATUS},
        [{"name": "app"}],
        [],
        False,
    ),
    "metadata only": ({"sidecar.istio.io/status": STATUS}, [], [], True),
    "metadata only, native": ({"sidecar.istio.io/status": NATIVE}, [], [], True),
    "metadata only, other template": (
        {"sidecar.istio.io/status": '{"containers":["x"]}'},
        [],
        [],
        False,
    ),
    "metadata only, broken": ({"sidecar.istio.io/status": "{"}, [], [], False),
    "metadata only, no mapping": ({"sidecar.istio.io/status": "[]"}, [], [], False),
    "nothing known": ({}, [], [], False),
}


@pytest.mark.parametrize(
    ("annotations", "containers", "init", "expected"), SIDECARS.values(), ids=SIDECARS.keys()
)
def test_has_sidecar(annotations, containers, init, expected):
    """The containers decide; the status annotation does where they are not known."""
    assert has_sidecar(annotations, containers, init) is expected
