"""
Valid and invalid resources, for the models and for a real API server alike.

A case is the spec only. ``expected`` in a refused case is the field that the models blame.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from istio_observability.model import names


@dataclass(frozen=True)
class Refused:
    """A spec that must not get in, and the path that the models give for it."""

    spec: Any
    field: str


def resource(spec: Any = ..., name: str = "mesh") -> dict[str, Any]:
    """Return a resource as a user would write it; without ``spec`` it has none."""
    body: dict[str, Any] = {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": name},
    }
    return body if spec is ... else {**body, "spec": spec}


def _window(**change: Any) -> dict[str, Any]:
    window = {"schedule": "0 22 * * 6", "duration": "6h", **change}
    return {"rollout": {"windows": [window]}}


def _selector(**requirement: Any) -> dict[str, Any]:
    return {"workloads": {"selector": {"matchExpressions": [{"key": "app", **requirement}]}}}


ACCEPTED: dict[str, Any] = {
    "no spec at all": ...,
    "null spec": None,
    "empty spec": {},
    "smallest useful one": {"workloads": {"namespaces": ["prod"]}},
    "null group counts as left out": {"metrics": None},
    "null renderer counts as left out": {"renderer": None},
    "null tag counts as left out": {"metrics": {"tags": {"a": None, "b": "c"}}},
    "whole number with a fraction of zero": {"rollout": {"maxFailures": 1.0}},
    "mode Plan": {"mode": "Plan"},
    "renderer": {"renderer": 1},
    "policies": {"conflictPolicy": "Override", "deletionPolicy": "Orphan"},
    "agent elsewhere": {
        "datakit": {
            "namespace": "observability",
            "daemonSetName": "datakit.v2",
            "containerName": "agent",
            "configMapName": "datakit-conf",
        },
        "istio": {"namespace": "istio-1-32"},
    },
    "injection": {"injection": {"namespaces": ["a", "b"]}},
    "profile Document": {"metrics": {"profile": "Document"}},
    "one view": {"metrics": {"views": ["ControlPlane"]}},
    "views in another order": {"metrics": {"views": ["Workload", "Mesh"]}},
    "shortest interval": {"metrics": {"interval": "1s"}},
    "longest interval": {"metrics": {"interval": "5m"}},
    "longest interval in seconds": {"metrics": {"interval": "300s"}},
    "interval of two units": {"metrics": {"interval": "1m30s"}},
    "measurement": {"metrics": {"measurement": "_mesh2"}},
    "families": {"metrics": {"extraFamilies": ["^envoy_cluster_.*$", "a\\d{2}", "x'y\"z", "ü"]}},
    "most families": {"metrics": {"extraFamilies": [f"{i:0>256}" for i in range(64)]}},
    "tags": {"metrics": {"tags": {"env": "prod", "_x9": "a b=c ü 5$", "K": "{x}"}}},
    "most tags": {"metrics": {"tags": {f"k{i:0>63}": "v" * 256 for i in range(32)}}},
    "every namespace": {"workloads": {"namespaceSelector": {}}},
    "selector by labels": {"workloads": {"selector": {"matchLabels": {"app.io/x": "", "y": "Z"}}}},
    "selector In": _selector(operator="In", values=["a", ""]),
    "selector NotIn": _selector(operator="NotIn", values=["a"]),
    "selector Exists": _selector(operator="Exists"),
    "selector DoesNotExist with no values": _selector(operator="DoesNotExist", values=[]),
    "delivery Pod": {"workloads": {"delivery": "Pod"}},
    "override with everything": {
        "workloads": {
            "overrides": [
                {
                    "name": "payments",
                    "namespaceSelector": {"matchLabels": {"team": "pay"}},
                    "selector": {},
                    "source": "pay.v2_x",
                    "interval": "30s",
                    "extraFamilies": ["^pay_"],
                    "tags": {"team": "pay"},
                }
            ]
        }
    },
    "most overrides": {"workloads": {"overrides": [{"name": f"o{i}"} for i in range(32)]}},
    "no gateway": {"gateways": []},
    "egress gateway only": {"gateways": [{"name": "egress", "collect": "Always"}]},
    "control plane and tracing off": {
        "controlPlane": {"collect": "Never"},
        "tracing": {"zipkinService": "IfUsed"},
    },
    "logs": {"logs": {"collect": "Always", "source": "bookinfo"}},
    "one at a time": {"rollout": {"maxConcurrent": 1}},
    "a share": {"rollout": {"maxConcurrent": "10%"}},
    "no pacing": {"rollout": {"maxConcurrent": "100%"}},
    "no restart allowed": {"rollout": {"maxRestartedPods": 0}},
    "approval with a revision": {"rollout": {"approval": "Manual", "approvedRevision": "5d41f0c2"}},
    "approval without a revision": {"rollout": {"approval": "Manual"}},
    "other roll-out options": {
        "rollout": {
            "disruptive": "Include",
            "timeout": "1h30m",
            "maxFailures": 3,
            "onFailure": "Revert",
        }
    },
    "window": _window(timeZone="Europe/Berlin"),
    "window of working days": _window(schedule="*/15 0,12-14 1-31/2 JAN-DEC MON-FRI"),
    "window at UTC": _window(timeZone="UTC"),
    "window in a long zone": _window(timeZone="America/Argentina/Buenos_Aires"),
}

REFUSED: dict[str, Refused] = {
    "spec is a list": Refused([], "spec"),
    "unknown field": Refused({"foo": 1}, "spec.foo"),
    "unknown field in a group": Refused({"metrics": {"inverval": "9s"}}, "spec.metrics.inverval"),
    "field in the spelling of Python": Refused(
        {"conflict_policy": "Respect"}, "spec.conflict_policy"
    ),
    "unknown mode": Refused({"mode": "enforce"}, "spec.mode"),
    "mode is a number": Refused({"mode": 1}, "spec.mode"),
    "renderer zero": Refused({"renderer": 0}, "spec.renderer"),
    "renderer in quotes": Refused({"renderer": "1"}, "spec.renderer"),
    "renderer is true": Refused({"renderer": True}, "spec.renderer"),
    "group is a string": Refused({"metrics": "all"}, "spec.metrics"),
    "namespace with a capital": Refused({"istio": {"namespace": "Istio"}}, "spec.istio.namespace"),
    "namespace with a line end": Refused({"istio": {"namespace": "a\n"}}, "spec.istio.namespace"),
    "namespace too long": Refused({"istio": {"namespace": "a" * 64}}, "spec.istio.namespace"),
    "namespace empty": Refused({"datakit": {"namespace": ""}}, "spec.datakit.namespace"),
    "container name with a dot": Refused(
        {"datakit": {"containerName": "a.b"}}, "spec.datakit.containerName"
    ),
    "config map name with a slash": Refused(
        {"datakit": {"configMapName": "a/b"}}, "spec.datakit.configMapName"
    ),
    "injection twice": Refused(
        {"injection": {"namespaces": ["a", "a"]}}, "spec.injection.namespaces"
    ),
    "injection of null": Refused(
        {"injection": {"namespaces": [None]}}, "spec.injection.namespaces[0]"
    ),
    "too many namespaces": Refused(
        {"injection": {"namespaces": [f"n{i}" for i in range(513)]}}, "spec.injection.namespaces"
    ),
    "unknown view": Refused({"metrics": {"views": ["Mash"]}}, "spec.metrics.views[0]"),
    "no view": Refused({"metrics": {"views": []}}, "spec.metrics.views"),
    "a view twice": Refused({"metrics": {"views": ["Mesh", "Mesh"]}}, "spec.metrics.views"),
    "interval of 0": Refused({"metrics": {"interval": "0s"}}, "spec.metrics.interval"),
    "interval is a number": Refused({"metrics": {"interval": 60}}, "spec.metrics.interval"),
    "interval without a unit": Refused({"metrics": {"interval": "60"}}, "spec.metrics.interval"),
    "interval empty": Refused({"metrics": {"interval": ""}}, "spec.metrics.interval"),
    "interval in milliseconds": Refused(
        {"metrics": {"interval": "500ms"}}, "spec.metrics.interval"
    ),
    "interval too long": Refused({"metrics": {"interval": "5m1s"}}, "spec.metrics.interval"),
    "interval negative": Refused({"metrics": {"interval": "-5s"}}, "spec.metrics.interval"),
    "measurement with a hyphen": Refused(
        {"metrics": {"measurement": "istio-prom"}}, "spec.metrics.measurement"
    ),
    "family that does not compile": Refused(
        {"metrics": {"extraFamilies": ["ok", "("]}}, "spec.metrics.extraFamilies[1]"
    ),
    "family with a look-ahead": Refused(
        {"metrics": {"extraFamilies": ["(?!a)b"]}}, "spec.metrics.extraFamilies[0]"
    ),
    "family that only RE2 in C++ knows": Refused(
        {"metrics": {"extraFamilies": ["a\\C"]}}, "spec.metrics.extraFamilies[0]"
    ),
    "family with a huge repetition": Refused(
        {"metrics": {"extraFamilies": ["a{1001}"]}}, "spec.metrics.extraFamilies[0]"
    ),
    "family empty": Refused({"metrics": {"extraFamilies": [""]}}, "spec.metrics.extraFamilies[0]"),
    "family too long": Refused(
        {"metrics": {"extraFamilies": ["a" * 257]}}, "spec.metrics.extraFamilies[0]"
    ),
    "family with a line end": Refused(
        {"metrics": {"extraFamilies": ["a\nb"]}}, "spec.metrics.extraFamilies[0]"
    ),
    "family that the agent would replace": Refused(
        {"metrics": {"extraFamilies": ["a$HOME"]}}, "spec.metrics.extraFamilies[0]"
    ),
    "too many families": Refused(
        {"metrics": {"extraFamilies": [f"f{i}" for i in range(65)]}}, "spec.metrics.extraFamilies"
    ),
    "100 kB of tags": Refused(
        {"metrics": {"tags": {f"k{i}": "v" * 256 for i in range(400)}}}, "spec.metrics.tags"
    ),
    "100 kB in one tag": Refused(
        {"metrics": {"tags": {"k": "v" * 100_000}}}, "spec.metrics.tags.k"
    ),
    "tag named le": Refused({"metrics": {"tags": {"le": "1"}}}, "spec.metrics.tags"),
    "tag named instance": Refused({"metrics": {"tags": {"instance": "1"}}}, "spec.metrics.tags"),
    "tag with a hyphen": Refused({"metrics": {"tags": {"a-b": "1"}}}, "spec.metrics.tags"),
    "tag name too long": Refused({"metrics": {"tags": {"a" * 65: "1"}}}, "spec.metrics.tags"),
    "tag is a number": Refused({"metrics": {"tags": {"a": 1}}}, "spec.metrics.tags.a"),
    "tag empty": Refused({"metrics": {"tags": {"a": ""}}}, "spec.metrics.tags.a"),
    "tag with a variable": Refused({"metrics": {"tags": {"a": "${HOME}"}}}, "spec.metrics.tags"),
    "tag with a template": Refused({"metrics": {"tags": {"a": "{{.x}}"}}}, "spec.metrics.tags"),
    "tag with a secret": Refused({"metrics": {"tags": {"a": "ENC[x]"}}}, "spec.metrics.tags"),
    "label key with a space": Refused(
        {"workloads": {"selector": {"matchLabels": {"a b": "c"}}}},
        "spec.workloads.selector.matchLabels",
    ),
    "label value too long": Refused(
        {"workloads": {"selector": {"matchLabels": {"a": "c" * 64}}}},
        "spec.workloads.selector.matchLabels.a",
    ),
    "unknown operator": Refused(
        _selector(operator="Equals", values=["a"]),
        "spec.workloads.selector.matchExpressions[0].operator",
    ),
    "In without values": Refused(
        _selector(operator="In"), "spec.workloads.selector.matchExpressions[0].values"
    ),
    "Exists with values": Refused(
        _selector(operator="Exists", values=["a"]),
        "spec.workloads.selector.matchExpressions[0].values",
    ),
    "expression without a key": Refused(
        {"workloads": {"selector": {"matchExpressions": [{"operator": "Exists"}]}}},
        "spec.workloads.selector.matchExpressions[0].key",
    ),
    "override without a name": Refused(
        {"workloads": {"overrides": [{"interval": "30s"}]}}, "spec.workloads.overrides[0].name"
    ),
    "two overrides of one name": Refused(
        {"workloads": {"overrides": [{"name": "a"}, {"name": "a"}]}}, "spec.workloads.overrides"
    ),
    "override with an interval of 0": Refused(
        {"workloads": {"overrides": [{"name": "a", "interval": "0s"}]}},
        "spec.workloads.overrides[0].interval",
    ),
    "override with a slash in its source": Refused(
        {"workloads": {"overrides": [{"name": "a", "source": "a/b"}]}},
        "spec.workloads.overrides[0].source",
    ),
    "too many overrides": Refused(
        {"workloads": {"overrides": [{"name": f"o{i}"} for i in range(33)]}},
        "spec.workloads.overrides",
    ),
    "unknown collect": Refused({"controlPlane": {"collect": "Yes"}}, "spec.controlPlane.collect"),
    "logs IfPresent": Refused({"logs": {"collect": "IfPresent"}}, "spec.logs.collect"),
    "two gateways of one name": Refused(
        {"gateways": [{"name": "egress"}, {"name": "egress"}]}, "spec.gateways"
    ),
    "unknown gateway": Refused({"gateways": [{"name": "eastwest"}]}, "spec.gateways[0].name"),
    "none at a time": Refused({"rollout": {"maxConcurrent": 0}}, "spec.rollout.maxConcurrent"),
    "share of nothing": Refused({"rollout": {"maxConcurrent": "0%"}}, "spec.rollout.maxConcurrent"),
    "share of too much": Refused(
        {"rollout": {"maxConcurrent": "101%"}}, "spec.rollout.maxConcurrent"
    ),
    "number in quotes": Refused({"rollout": {"maxConcurrent": "5"}}, "spec.rollout.maxConcurrent"),
    "half a workload": Refused({"rollout": {"maxConcurrent": 1.5}}, "spec.rollout.maxConcurrent"),
    "true workloads": Refused({"rollout": {"maxConcurrent": True}}, "spec.rollout.maxConcurrent"),
    "negative budget": Refused(
        {"rollout": {"maxRestartedPods": -1}}, "spec.rollout.maxRestartedPods"
    ),
    "timeout too short": Refused({"rollout": {"timeout": "5s"}}, "spec.rollout.timeout"),
    "no failure": Refused({"rollout": {"maxFailures": 0}}, "spec.rollout.maxFailures"),
    "failures in halves": Refused({"rollout": {"maxFailures": 1.5}}, "spec.rollout.maxFailures"),
    "revision without approval": Refused(
        {"rollout": {"approvedRevision": "5d41f0c2"}}, "spec.rollout.approvedRevision"
    ),
    "revision too short": Refused(
        {"rollout": {"approval": "Manual", "approvedRevision": "5d41"}},
        "spec.rollout.approvedRevision",
    ),
    "revision with capitals": Refused(
        {"rollout": {"approval": "Manual", "approvedRevision": "5D41F0C2"}},
        "spec.rollout.approvedRevision",
    ),
    "schedule of four fields": Refused(
        _window(schedule="0 22 * * "), "spec.rollout.windows[0].schedule"
    ),
    "schedule at 25 o'clock": Refused(
        _window(schedule="0 25 * * *"), "spec.rollout.windows[0].schedule"
    ),
    "schedule by name": Refused(_window(schedule="@every 1h"), "spec.rollout.windows[0].schedule"),
    "schedule null": Refused(_window(schedule=None), "spec.rollout.windows[0].schedule"),
    "window of no length": Refused(_window(duration="0s"), "spec.rollout.windows[0].duration"),
    "unknown time zone": Refused(
        _window(timeZone="Europe/Nowhere"), "spec.rollout.windows[0].timeZone"
    ),
    "time zone of the server": Refused(
        _window(timeZone="Local"), "spec.rollout.windows[0].timeZone"
    ),
    "time zone as an offset": Refused(
        _window(timeZone="+02:00"), "spec.rollout.windows[0].timeZone"
    ),
}

MODEL_ONLY: dict[str, Refused] = {
    "schedule with a range that goes downwards": Refused(
        _window(schedule="0 22 * * 5-1"), "spec.rollout.windows[0].schedule"
    ),
}
"""What the API server cannot check; the operator reports it (docs/gitops.md)."""
