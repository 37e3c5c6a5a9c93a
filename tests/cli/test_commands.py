"""The commands that need no cluster: what they print, and how they end."""

from __future__ import annotations

import json

import pytest
import yaml

from istio_observability import __version__
from istio_observability.cli.main import main


def run(capsys, *arguments):
    """Run one command; return exit code, standard output and standard error."""
    code: object
    try:
        code = main([str(each) for each in arguments])
    except SystemExit as end:
        code = end.code
    said = capsys.readouterr()
    return code, said.out, said.err


def test_version_names_the_program(capsys):
    """The first thing asked in a bug report."""
    code, out, _ = run(capsys, "version")

    assert (code, out) == (0, f"istio-observability {__version__}\n")


def test_render_prints_apply_bodies_as_yaml(capsys, mesh_file, manifests):
    """Every document is one apply body, in the order of writes, without identities."""
    code, out, err = run(capsys, "render", "-f", mesh_file, "--from", manifests)

    bodies = list(yaml.safe_load_all(out))
    kinds = [body["kind"] for body in bodies]
    assert code == 0
    assert kinds == ["Namespace", "ConfigMap", "Service", "Service", "DaemonSet"] + 6 * [
        "Deployment"
    ]
    assert all("uid" not in body["metadata"] for body in bodies)
    assert "6 workload pods restart once" in err


def test_render_is_the_same_twice(capsys, mesh_file, manifests):
    """Equal input, equal bytes."""
    first = run(capsys, "render", "-f", mesh_file, "--from", manifests)

    assert run(capsys, "render", "-f", mesh_file, "--from", manifests) == first


def test_revision_is_offline_and_follows_what_is_delivered(capsys, mesh_file):
    """The revision needs no cluster, ignores pace, and follows the interval."""
    _, before, _ = run(capsys, "render", "-f", mesh_file, "--revision")
    text = mesh_file.read_text()
    mesh_file.write_text(text + "  rollout: {maxConcurrent: 1}\n")
    _, paced, _ = run(capsys, "render", "-f", mesh_file, "--revision")
    mesh_file.write_text(text + "  metrics: {interval: 30s}\n")
    _, faster, _ = run(capsys, "render", "-f", mesh_file, "--revision")

    assert len(before.strip()) == 8
    assert paced == before
    assert faster != before


def test_plan_counts_what_restarts(capsys, mesh_file, manifests):
    """The price stands in the text, and the exit code says that there is something to do."""
    arguments = ("plan", "-f", mesh_file, "--from", manifests)
    code, out, _ = run(capsys, *arguments)

    assert code == 0
    assert "Restarts: 6 workloads with 6 pods, 5 at a time" in out
    assert run(capsys, *arguments, "--detailed-exitcode")[0] == 2


def test_plan_as_json_has_every_field(capsys, mesh_file, manifests):
    """A pipeline gets the whole texts, before and after."""
    _, out, _ = run(capsys, "plan", "-f", mesh_file, "--from", manifests, "-o", "json")

    plan = json.loads(out)
    deployment = next(
        each for each in plan["changes"] if each["object"] == "Deployment prod/ratings-v1"
    )
    (text,) = [each for each in deployment["fields"] if "prom.instances" in each["path"]]
    assert plan["summary"]["restartedPods"] == 6
    assert text["before"] is None
    assert 'source = "prod-ratings-v1"' in text["after"]


RESOURCE = "apiVersion: istio-observability.dev/v1alpha1\nkind: IstioObservability\n"
BAD_INPUT = {
    "no such file": (None, "does not exist"),
    "a file that is no YAML": ("a: [", "is no YAML"),
    "tabs for indentation": ("a:\n\tb: 1", "is no YAML"),
    "no resource in it": ("kind: Service\nmetadata: {name: a}\n", "has 0 objects of kind"),
    "an interval of 0": (
        RESOURCE + "metadata: {name: mesh}\nspec: {metrics: {interval: 0s}}\n",
        "spec.metrics.interval",
    ),
    "an unknown field": (
        RESOURCE + "metadata: {name: mesh}\nspec: {metrix: {}}\n",
        "spec.metrix",
    ),
    "a name that is none": (RESOURCE + "metadata: {name: A_B}\nspec: {}\n", "metadata.name"),
    "no spec but a list": (RESOURCE + "metadata: {name: mesh}\nspec: []\n", "spec"),
}


@pytest.mark.parametrize(("text", "said"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
@pytest.mark.parametrize("command", ["render", "plan"])
def test_bad_input_is_one_sentence_and_exit_code_1(
    capsys, tmp_path, manifests, command, text, said
):
    """Whatever a file holds: a sentence that names it, no traceback, nothing printed."""
    path = tmp_path / "input.yaml"
    if text is not None:
        path.write_text(text)

    code, out, err = run(capsys, command, "-f", path, "--from", manifests)

    assert code == 1
    assert out == ""
    assert err.startswith("error: ")
    assert said in err
    assert "Traceback" not in err


USAGE = {
    "nothing is named": (["plan"], "name a resource"),
    "both are named": (["plan", "mesh", "-f", "x.yaml"], "name a resource"),
    "manifests without a resource": (["render", "mesh", "--from", "."], "add -f FILE"),
    "an unknown command": (["plane"], "invalid choice"),
    "no command": ([], "COMMAND"),
}


@pytest.mark.parametrize(("arguments", "said"), USAGE.values(), ids=USAGE.keys())
def test_usage_errors_end_with_1(capsys, arguments, said):
    """A wrong call could not be answered: exit code 1, with what to do."""
    code, _, err = run(capsys, *arguments)

    assert code == 1
    assert said in err


def test_unreachable_cluster_is_one_sentence(capsys, tmp_path, mesh_file):
    """A kubeconfig that leads nowhere ends in a sentence, bounded in time."""
    kubeconfig = tmp_path / "kubeconfig"
    cluster = {"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}
    context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
    kubeconfig.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [cluster],
                "contexts": [context],
                "users": [{"name": "u", "user": {}}],
                "current-context": "x",
            }
        )
    )

    code, out, err = run(capsys, "plan", "-f", mesh_file, "--kubeconfig", kubeconfig)

    assert (code, out) == (1, "")
    assert err.startswith("error: the cluster could not be read")


def test_missing_kubeconfig_is_one_sentence(capsys, tmp_path, mesh_file):
    """So does one that is not there."""
    code, _, err = run(capsys, "plan", "-f", mesh_file, "--kubeconfig", tmp_path / "none")

    assert code == 1
    assert err.startswith("error: ")
