"""
The CRD on a real API server: it is taken, and accepts and refuses what the models do.

Resources are only pretended to be created (server-side dry run), under strict field validation.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from dev.control_plane import KubectlError
from istio_observability.model import names
from istio_observability.model.crd import CRD_FILE
from istio_observability.model.custom_resource import parse_resource
from istio_observability.model.spec import IstioObservabilitySpec
from istio_observability.model.status import (
    FindingStatus,
    PlannedObject,
    PlanSummary,
    Status,
    ViewStatus,
    WorkloadCounts,
)
from tests.model.cases import ACCEPTED, MODEL_ONLY, REFUSED, resource

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dev.control_plane import ClusterAccess

pytestmark = pytest.mark.control_plane

ROOT = Path(__file__).parents[2]
CRD = f"{names.PLURAL}.{names.GROUP}"


@pytest.fixture(scope="module")
def cluster(control_plane: ClusterAccess) -> Iterator[ClusterAccess]:
    """The shared cluster with the generated CRD, applied by the client as a user would."""
    had_crd = control_plane.kubectl("get", "crd", CRD, "--ignore-not-found", "-o", "name")
    control_plane.kubectl("apply", "-f", str(ROOT / CRD_FILE))
    control_plane.kubectl("wait", "--for=condition=Established", f"crd/{CRD}", "--timeout=30s")
    # Established is true a moment before every path is served.
    control_plane.kubectl("get", CRD)
    yield control_plane
    if not had_crd:
        control_plane.kubectl("delete", "crd", CRD)


def create(cluster: ClusterAccess, body: dict[str, Any]) -> dict[str, Any]:
    """Return the object as the API server would store it, or raise ``KubectlError``."""
    command = ("create", "--dry-run=server", "--validate=strict", "-o", "json", "-f", "-")
    created: dict[str, Any] = json.loads(cluster.kubectl(*command, input=json.dumps(body)))
    return created


def refusal(cluster: ClusterAccess, body: dict[str, Any]) -> str:
    """Return what the API server says against ``body``."""
    with pytest.raises(KubectlError) as caught:
        create(cluster, body)
    return caught.value.stderr


def test_definition_is_accepted_as_structural(cluster):
    """The server raises no objection to names or schema."""
    crd = json.loads(cluster.kubectl("get", "crd", CRD, "-o", "json"))
    conditions = {c["type"]: c["status"] for c in crd["status"]["conditions"]}

    assert conditions == {"NamesAccepted": "True", "Established": "True"}


@pytest.mark.parametrize("spec", ACCEPTED.values(), ids=ACCEPTED.keys())
def test_server_accepts_what_the_models_accept(cluster, spec):
    """What the server stores means to the operator what the user's own text means."""
    body = resource(spec)

    assert parse_resource(body).spec == parse_resource(create(cluster, body)).spec


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED.keys())
def test_server_refuses_what_the_models_refuse(cluster, case):
    """The refusal is about the resource, and about the field that the models blame."""
    text = refusal(cluster, resource(case.spec))

    assert re.search(r"is invalid|strict decoding error|unrecognized|cannot be handled", text), text
    # A key of a map is not a field of its own to the server.
    assert case.field.removesuffix(".a").removesuffix(".k") in text


@pytest.mark.parametrize("case", MODEL_ONLY.values(), ids=MODEL_ONLY.keys())
def test_server_cannot_refuse_these(cluster, case):
    """The list of rules that only the operator knows is not longer than it must be."""
    assert create(cluster, resource(case.spec))["metadata"]["name"] == "mesh"


def test_server_and_operator_use_the_same_words(cluster):
    """A rule across fields reads the same at `kubectl apply` and in the status."""
    text = refusal(cluster, resource({"rollout": {"approvedRevision": "5d41f0c2"}}))

    assert "spec.rollout.approvedRevision" in text
    assert "is set although approval is not Manual; remove it or set approval: Manual" in text


def test_name_must_fit_into_a_label(cluster):
    """Names of 63 characters are accepted, longer ones refused."""
    assert create(cluster, resource({}, name="a" * 63))
    assert "longer than 63 characters" in refusal(cluster, resource({}, name="a" * 64))


def test_defaults_of_the_server_are_those_of_the_models(cluster):
    """A minimal resource comes back with every default, renderer excepted, and unobserved."""
    created = create(cluster, resource())
    expected = IstioObservabilitySpec().model_dump(mode="json", by_alias=True, exclude_none=True)

    assert expected == created["spec"]
    assert "renderer" not in created["spec"]
    assert created["status"] == {"observedGeneration": -1}


@pytest.fixture
def mesh(cluster: ClusterAccess) -> Iterator[str]:
    """A resource that really exists."""
    name = "crd-test"
    cluster.kubectl("create", "-f", "-", input=json.dumps(resource({}, name=name)))
    yield name
    cluster.kubectl("delete", names.PLURAL, name)


def full_status() -> Status:
    """Return a status in which everything is set and as long as it may be."""
    return Status.model_validate(
        {
            "observedGeneration": 1,
            "conditions": [
                {
                    "type": kind,
                    "status": "True",
                    "reason": "AllWired",
                    "message": "m" * 9999,
                    "observedGeneration": 1,
                    "lastTransitionTime": "2024-05-01T10:00:00Z",
                }
                for kind in ("Ready", "UpToDate")
            ],
            "message": "ü" * 9999,
            "revision": "5d41f0c2",
            "renderer": 1,
            "workloads": WorkloadCounts(selected=42, total=38, wired=38, skipped=4, contended=2),
            "skippedByReason": {"Paused": 4},
            "agents": "3/3",
            "rolloutsCaused": 7,
            "podsRestarted": 99,
            "awaiting": ["a" * 999] * 99,
            "views": [ViewStatus(name="Mesh", has_data=False, lacks=("l" * 999,) * 99)],
            "findings": [
                FindingStatus(severity="Info", reason="R", object="o" * 999, message="m" * 9999)
            ]
            * 99,
            "findingsTotal": 99,
            "plan": PlanSummary(
                id="p",
                revision="r",
                objects=(PlannedObject(object="o" * 999, action="create", reason="r"),) * 99,
            ),
        }
    )


def test_full_status_is_accepted_as_it_is(cluster, mesh, tmp_path):
    """The longest status that the models build is stored without losing or changing anything."""
    status = full_status().to_dict()
    patch = tmp_path / "patch.json"
    patch.write_text(json.dumps({"status": status}))
    stored = cluster.kubectl(
        *("patch", names.PLURAL, mesh, "--subresource=status", "--type=merge", "-o", "json"),
        f"--patch-file={patch}",
    )

    assert status == json.loads(stored)["status"]

    wide = cluster.kubectl("get", names.SHORT_NAME, mesh, "-o", "wide").splitlines()
    titles, values = wide[0].split(), wide[1].split()
    shown = dict(zip(titles, values, strict=False))
    assert " ".join(list(shown)[:10]) == (
        "NAME MODE READY REASON WIRED PENDING SKIPPED FAILED AGENTS AGE"
    )
    assert tuple(
        shown[title]
        for title in ("MODE", "READY", "REASON", "WIRED", "PENDING", "SKIPPED", "AGENTS")
    ) == ("Enforce", "True", "AllWired", "38/38", "0", "4", "3/3")
    assert tuple(
        shown[title] for title in ("CONTENDED", "RESTARTS", "REVISION", "RENDERER", "UPTODATE")
    ) == ("2", "7", "5d41f0c2", "1", "True")


def test_reapplying_the_definition_changes_nothing(cluster):
    """The file is what the server makes of it, so GitOps tools see no difference."""
    assert "unchanged" in cluster.kubectl("apply", "-f", str(ROOT / CRD_FILE))
    assert cluster.kubectl("diff", "-f", str(ROOT / CRD_FILE)) == ""


EXPRESSIONS = ("inProgress", "failed", "current")
HEALTH = ROOT / "manifests" / "argocd"


def flux_expressions() -> dict[str, str]:
    """Return the expressions that the documentation tells to put into ``healthCheckExprs``."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/gitops.md").read_text(), re.DOTALL)
    (block,) = (block for block in blocks if "healthCheckExprs" in block)
    (check,) = yaml.safe_load(block)["spec"]["healthCheckExprs"]
    assert (check["apiVersion"], check["kind"]) == (names.API_VERSION, names.KIND)
    return {key: check[key] for key in EXPRESSIONS}


def _inside_probe(expression: str) -> str:
    return re.sub(r"(?<![.\w])(metadata|status)[.]", r"self.x.\1.", expression)


def probe_definition() -> dict[str, Any]:
    """
    Return a CRD whose objects hold a sample and say what each expression makes of it.

    Flux evaluates CEL as the API server does, so a rule is an evaluator that is already here.
    """
    text = {"type": "string", "maxLength": 1024}
    condition = {"type": text, "status": text}
    conditions = {
        "type": "array",
        "maxItems": 16,
        "items": {"type": "object", "properties": condition},
    }
    sample = {
        "metadata": {"generation": {"type": "integer"}, "deletionTimestamp": text},
        "status": {"observedGeneration": {"type": "integer"}, "conditions": conditions},
    }
    rules = [
        {"rule": f"self.{key} == ({_inside_probe(expression)})", "message": f"{key} is another"}
        for key, expression in flux_expressions().items()
    ]
    spec = {
        "type": "object",
        "properties": {
            "x": {
                "type": "object",
                "properties": {
                    key: {"type": "object", "properties": value} for key, value in sample.items()
                },
            },
            **{key: {"type": "boolean"} for key in EXPRESSIONS},
        },
        "x-kubernetes-validations": rules,
    }
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "healthprobes.test.istio-observability.dev"},
        "spec": {
            "group": "test.istio-observability.dev",
            "scope": "Cluster",
            "names": {"kind": "HealthProbe", "plural": "healthprobes", "singular": "healthprobe"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


@pytest.fixture(scope="module")
def probe(control_plane: ClusterAccess) -> Iterator[ClusterAccess]:
    """The shared cluster with the evaluator of the expressions."""
    name = probe_definition()["metadata"]["name"]
    control_plane.kubectl("create", "-f", "-", input=json.dumps(probe_definition()))
    control_plane.kubectl("wait", "--for=condition=Established", f"crd/{name}", "--timeout=30s")
    control_plane.kubectl("get", name)
    yield control_plane
    control_plane.kubectl("delete", "crd", name)


HEALTH_TESTS = yaml.safe_load((HEALTH / "health_test.yaml").read_text())["tests"]


@pytest.mark.parametrize("case", HEALTH_TESTS, ids=lambda case: Path(case["inputPath"]).stem)
def test_flux_expressions_agree_with_argo_cd(probe, case):
    """Flux asks inProgress, then failed, then current; the first that is true decides."""
    sample = yaml.safe_load((HEALTH / case["inputPath"]).read_text())
    metadata = {
        key: value
        for key, value in sample["metadata"].items()
        if key in {"generation", "deletionTimestamp"}
    }
    status = sample["status"]
    if "conditions" in status:
        status["conditions"] = [
            {"type": entry["type"], "status": entry["status"]} for entry in status["conditions"]
        ]

    def holds(**verdict: bool) -> bool:
        body = {
            "apiVersion": "test.istio-observability.dev/v1",
            "kind": "HealthProbe",
            "metadata": {"name": "probe"},
            "spec": {"x": {"metadata": metadata, "status": status}, **verdict},
        }
        try:
            create(probe, body)
        except KubectlError as error:
            # Anything else, such as a server that is gone, is no verdict.
            if "is another" not in error.stderr:
                raise
            return False
        return True

    verdicts = [
        (progressing, failed, current)
        for progressing in (True, False)
        for failed in (True, False)
        for current in (True, False)
        if holds(inProgress=progressing, failed=failed, current=current)
    ]
    ((progressing, failed, current),) = verdicts
    if progressing:
        health = "Progressing"
    elif failed:
        health = "Degraded"
    else:
        health = "Healthy" if current else "Progressing"

    assert case["healthStatus"]["status"] == health
