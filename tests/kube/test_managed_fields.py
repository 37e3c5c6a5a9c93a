"""Reading who owns what, from entries that a real API server wrote."""

from __future__ import annotations

import pytest

from istio_observability.kube import managed_fields as mf
from istio_observability.model.names import FIELD_MANAGER

OURS = {
    "f:metadata": {"f:annotations": {"f:istio-observability.dev/wired-by": {}}},
    "f:spec": {
        "f:template": {
            "f:metadata": {"f:annotations": {"f:istio-observability.dev/config-hash": {}}},
            "f:spec": {
                "f:containers": {
                    'k:{"name":"datakit"}': {
                        ".": {},
                        "f:name": {},
                        "f:volumeMounts": {
                            'k:{"mountPath":"/c/x.conf"}': {
                                ".": {},
                                "f:mountPath": {},
                                "f:name": {},
                                "f:subPath": {},
                            }
                        },
                    }
                },
                "f:volumes": {
                    'k:{"name":"c"}': {".": {}, "f:configMap": {"f:name": {}}, "f:name": {}}
                },
            },
        }
    },
}
THEIRS = {
    "f:metadata": {"f:finalizers": {".": {}, 'v:"example.com/f"': {}}},
    "f:spec": {
        "f:template": {
            "f:spec": {
                "f:containers": {
                    'k:{"name":"datakit"}': {".": {}, "f:image": {}, "f:name": {}},
                }
            }
        }
    },
}
LIVE = {
    "metadata": {
        "managedFields": [
            {"manager": FIELD_MANAGER, "operation": "Apply", "fieldsV1": OURS},
            {"manager": "kubectl-client-side-apply", "operation": "Update", "fieldsV1": THEIRS},
            {
                "manager": FIELD_MANAGER,
                "operation": "Update",
                "subresource": "status",
                "fieldsV1": {"f:status": {"f:x": {}}},
            },
        ]
    }
}
INTENT = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {
        "name": "datakit",
        "namespace": "datakit",
        "uid": "1",
        "annotations": {"istio-observability.dev/wired-by": "mesh"},
    },
    "spec": {
        "template": {
            "metadata": {"annotations": {"istio-observability.dev/config-hash": "h"}},
            "spec": {
                "containers": [
                    {
                        "name": "datakit",
                        "volumeMounts": [
                            {"name": "c", "mountPath": "/c/x.conf", "subPath": "x.conf"}
                        ],
                    }
                ],
                "volumes": [{"name": "c", "configMap": {"name": "datakit-conf"}}],
            },
        }
    },
}


def test_owned_and_intended_paths_agree():
    """What the server recorded after an apply is what we read out of the body."""
    assert mf.leaf_paths_of_body(INTENT) == mf.owned_paths(LIVE)


def test_helpers_name_the_recorded_paths():
    """The few paths we care about are spelled as the server spells them."""
    named = {
        mf.annotation("istio-observability.dev/wired-by"),
        mf.template_annotation("istio-observability.dev/config-hash"),
        mf.volume_mount("datakit", "/c/x.conf"),
        mf.volume("c"),
        mf.container("datakit"),
    }

    assert named <= mf.owned_paths(LIVE)
    assert mf.label("a") == ("f:metadata", "f:labels", "f:a")
    assert mf.data_key("zipkin.conf") == ("f:data", "f:zipkin.conf")


def test_tree_round_trip():
    """Paths make the same tree again, so a rewritten entry is one the server could have written."""
    assert mf.tree_of(mf.owned_paths(LIVE)) == OURS


def test_owners_of_a_path():
    """A list entry may have two owners, its fields one each."""
    both = mf.managers_of(LIVE, mf.container("datakit"))
    image = mf.managers_of(LIVE, mf.container_image("datakit"))

    assert [manager.name for manager in both] == [FIELD_MANAGER, "kubectl-client-side-apply"]
    assert [mf.Manager("kubectl-client-side-apply", "Update")] == list(image)
    assert mf.managers_of(LIVE, ("f:metadata", "f:finalizers", 'v:"example.com/f"')) == image


def test_ownership_of_others_reaches_upwards_only():
    """Others own a container if they own a field of it; a declared map is no claim on its keys."""
    declared: dict[str, object] = {"f:metadata": {"f:labels": {}}}
    live = {"metadata": {"managedFields": [{"manager": "helm", "fieldsV1": declared}]}}

    assert mf.is_owned_by_others(LIVE, mf.container("datakit"))
    assert not mf.is_owned_by_others(LIVE, mf.volume("c"))
    assert mf.is_owned_by_others(live, mf.LABELS)
    assert not mf.is_owned_by_others(live, mf.label("a"))


def test_operations_and_subresources_are_told_apart():
    """The same name with another operation is another owner; status is never counted."""
    assert mf.owned_paths(LIVE, operation="Update") == frozenset()
    assert mf.owned_paths(LIVE, operation=None) == mf.owned_paths(LIVE)


@pytest.mark.parametrize(
    "body", [{}, {"metadata": {}}, {"metadata": {"managedFields": None}}, {"metadata": None}]
)
def test_object_without_managed_fields(body):
    """Stripped objects have no owners, and that is no error."""
    assert mf.owned_paths(body) == frozenset()
    assert mf.managers_of(body, mf.LABELS) == ()


VALUES = {
    "template annotation": (
        mf.template_annotation("istio-observability.dev/config-hash"),
        "h",
    ),
    "field of a mount": ((*mf.volume_mount("datakit", "/c/x.conf"), "f:subPath"), "x.conf"),
    "volume": (mf.volume("c"), {"name": "c", "configMap": {"name": "datakit-conf"}}),
    "no such container": (mf.container("other"), None),
    "no such map": (mf.label("a"), None),
    "list where a map is expected": ((*mf.POD_TEMPLATE, "f:spec", "f:volumes", "f:x"), None),
}


@pytest.mark.parametrize(("path", "expected"), VALUES.values(), ids=VALUES.keys())
def test_value_at(path, expected):
    """A path leads to its value, or to nothing."""
    assert expected == mf.value_at(INTENT, path)


DOTTED = {
    mf.template_annotation("datakit/prom.instances"): (
        ".spec.template.metadata.annotations.datakit/prom.instances"
    ),
    mf.TEMPLATE_ANNOTATIONS: ".spec.template.metadata.annotations",
    (*mf.volume_mount("datakit", "/a"), "f:name"): (
        '.spec.template.spec.containers[name="datakit"].volumeMounts[mountPath="/a"].name'
    ),
    (*mf.field("spec", "ports"), *mf.entry(port=80, protocol="TCP")): (
        '.spec.ports[port=80,protocol="TCP"]'
    ),
    ("f:metadata", "f:finalizers", 'v:"a"'): '.metadata.finalizers[="a"]',
}


@pytest.mark.parametrize(("path", "expected"), DOTTED.items(), ids=DOTTED.values())
def test_path_in_the_words_of_the_server(path, expected):
    """Conflicts name fields in this form."""
    assert expected == mf.dotted(path)


def test_service_ports_and_selector():
    """Ports are keyed by port and protocol, TCP if unsaid; the selector has one owner."""
    service = {
        "metadata": {"name": "s", "labels": {"a": "b"}},
        "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}]},
    }
    port = (*mf.field("spec", "ports"), 'k:{"port":80,"protocol":"TCP"}')

    expected = {mf.label("a"), mf.field("spec", "selector"), port, (*port, "f:port")}
    assert expected == mf.leaf_paths_of_body(service)
    assert mf.value_at(service, (*port, "f:port")) == 80


def test_list_without_its_keys_has_one_owner():
    """A list that cannot be keyed is taken as a whole."""
    body = {"metadata": {"name": "x"}, "spec": {"ports": [{"containerPort": 80}], "args": ["a"]}}

    assert {mf.field("spec", "ports"), mf.field("spec", "args")} == mf.leaf_paths_of_body(body)


FRIENDLY = {
    "kubectl-client-side-apply": "kubectl apply",
    "kubectl": "kubectl apply --server-side",
    "kubectl-edit": "kubectl",
    "helm": "Helm",
    "Helm": "Helm",
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux (kustomize-controller)",
    "helm-controller": "Flux (helm-controller)",
    "before-first-apply": "an earlier client",
    "team-x": "team-x",
}


@pytest.mark.parametrize(("name", "expected"), FRIENDLY.items(), ids=FRIENDLY.keys())
def test_known_tools_have_names(name, expected):
    """A user is told the tool, not the tool's internal name."""
    assert expected == mf.Manager(name, "Apply").friendly
