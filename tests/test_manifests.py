"""
What the manifests promise, read from their text: permissions with a reason, a restricted pod.

That an API server takes them, and that they are enough, is shown in ``tests/control_plane``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from istio_observability.model import names
from istio_observability.plan.plan_config_map import OWN_CONFIG_MAP

MANIFESTS = Path(__file__).parents[1] / "manifests"
OPERATOR = MANIFESTS / "operator"
README = (MANIFESTS / "README.md").read_text(encoding="utf-8")
VERBS_OF_A_READER = {"get", "list", "watch"}
READ_ONLY = {"pods", "mutatingwebhookconfigurations"}
NEVER = {"secrets", "nodes", "roles", "rolebindings", "clusterroles", "clusterrolebindings"}


def documents(name: str) -> list[dict[str, Any]]:
    """Return the objects of one file."""
    return [
        each for each in yaml.safe_load_all((OPERATOR / name).read_text(encoding="utf-8")) if each
    ]


def rules() -> list[dict[str, Any]]:
    """Return the rules of the operator's role."""
    (role,) = documents("cluster-role.yaml")
    found: list[dict[str, Any]] = role["rules"]
    return found


def pod() -> dict[str, Any]:
    """Return the pod spec of the operator."""
    (deployment,) = documents("deployment.yaml")
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def test_every_rule_stands_below_its_reason():
    """A permission without a comment above it cannot be added."""
    lines = (OPERATOR / "cluster-role.yaml").read_text(encoding="utf-8").splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("- apiGroups")]

    assert len(starts) == len(rules())
    assert [lines[number] for number in starts if not re.match(r"# [A-Z]", lines[number - 1])] == []


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: "+".join(rule["resources"]))
def test_rule_is_listed_in_the_readme(rule):
    """The README's table has a row with the same resources, names and verbs."""
    rows = [
        [cell.strip() for cell in row.split("|")[1:-1]]
        for row in README.splitlines()
        if row.startswith("| `")
    ]
    found = [
        row
        for row in rows
        if len(row) == 4
        and re.findall(r"`([\w/]+)`", row[0].partition("(")[0]) == rule["resources"]
        and re.findall(r"`([\w-]+)`", row[1]) == rule.get("resourceNames", [])
        and row[2].split() == rule["verbs"]
    ]

    assert len(found) == 1


def test_table_of_the_readme_has_no_other_rows():
    """A rule that was removed from the role is removed from the table."""
    table = README.partition("| resource | names |")[2].partition("\n\n")[0]

    assert len(table.splitlines()) - 2 == len(rules())


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: "+".join(rule["resources"]))
def test_rule_is_narrow(rule):
    """No wildcard, nothing on secrets or permissions, and what is only read cannot be written."""
    said = [*rule["apiGroups"], *rule["resources"], *rule["verbs"], *rule.get("resourceNames", [])]

    assert [each for each in said if "*" in each] == []
    assert NEVER.isdisjoint(rule["resources"])
    if READ_ONLY & set(rule["resources"]):
        assert set(rule["verbs"]) <= VERBS_OF_A_READER


def test_objects_of_others_cannot_be_deleted():
    """Only the objects that we create may be deleted, each by its name."""
    deletable = {
        name
        for rule in rules()
        if "delete" in rule["verbs"]
        for name in rule.get("resourceNames", ["anything"])
    }

    assert deletable == {
        OWN_CONFIG_MAP,
        "istio-ingressgateway-ext",
        "istio-egressgateway-ext",
        "datakit-service-ext",
        "zipkin",
    }


def test_policy_lets_exactly_these_objects_be_created():
    """RBAC cannot name what is created; the policy names the same objects that may be deleted."""
    policy, binding = documents("admission-policy.yaml")
    creatable = re.findall(r'"([\w-]+)"', policy["spec"]["validations"][1]["expression"])
    deletable = [
        name for rule in rules() if "delete" in rule["verbs"] for name in rule["resourceNames"]
    ]

    assert sorted(set(creatable) - {"CREATE"}) == sorted(deletable)
    assert binding["spec"] == {
        "policyName": policy["metadata"]["name"],
        "validationActions": ["Deny"],
    }


def test_policy_and_flags_name_the_same_namespaces():
    """What the operator accepts is what it is allowed."""
    policy, _ = documents("admission-policy.yaml")
    allowed = re.findall(r'"([\w-]+)"', policy["spec"]["validations"][0]["expression"])
    (container,) = pod()["containers"]
    accepted = [arg.partition("=")[2] for arg in container["args"] if "-namespace=" in arg]

    assert allowed == accepted == ["datakit", "istio-system"]


def test_policy_watches_the_account_that_the_operator_runs_as():
    """Account, binding, Deployment and policy mean the same one."""
    policy, _ = documents("admission-policy.yaml")
    (account,) = documents("service-account.yaml")
    (namespace,) = documents("namespace.yaml")
    (binding,) = documents("cluster-role-binding.yaml")
    name, place = account["metadata"]["name"], namespace["metadata"]["name"]
    (condition,) = policy["spec"]["matchConditions"]

    assert f'"system:serviceaccount:{place}:{name}"' in condition["expression"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": name, "namespace": place}]
    assert pod()["serviceAccountName"] == name == names.FIELD_MANAGER


def test_pod_is_restricted():
    """The pod meets the restricted pod security standard, and its file system is read-only."""
    (container,) = pod()["containers"]

    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert pod()["securityContext"]["runAsUser"] > 0
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [volume for volume in pod()["volumes"] if "emptyDir" not in volume] == []


def test_never_two_operators_and_never_in_the_namespace_of_the_agent():
    """One replica, replaced and not doubled, out of reach of ``kubectl delete -f datakit.yaml``."""
    (deployment,) = documents("deployment.yaml")
    (namespace,) = documents("namespace.yaml")

    assert deployment["spec"]["replicas"] == 1
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert namespace["metadata"]["name"] == "istio-observability-system"


def test_every_file_belongs_to_a_kustomization():
    """No manifest lies beside its kustomization and is never applied."""
    listed = yaml.safe_load((OPERATOR / "kustomization.yaml").read_text(encoding="utf-8"))[
        "resources"
    ]

    assert sorted([*listed, "kustomization.yaml"]) == sorted(
        path.name for path in OPERATOR.iterdir()
    )
