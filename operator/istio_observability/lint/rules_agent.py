"""Rules about the agent's DaemonSet: mounts, and settings that disable what is configured."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from istio_observability.datakit.layout import CONF_DIR, PROM_ANNOTATION
from istio_observability.lint.finding import Problem, Severity, rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from istio_observability.lint.manifests import Manifest
    from istio_observability.lint.yaml_nodes import Node

_WITHOUT_ANNOTATION: Final = "1.63.0"
_DISCOVERY: Final = "ENV_INPUT_CONTAINER_ENABLE_AUTO_DISCOVERY_OF_PROMETHEUS_POD_ANNOTATIONS"
_INPUTS: Final = "ENV_DEFAULT_ENABLED_INPUTS"
_HASH: Final = re.compile(r"hash|checksum", re.IGNORECASE)


def conf_mounts(manifest: Manifest) -> Iterator[tuple[Node, str]]:
    """Yield the mounts below ``conf.d`` with their paths."""
    for container in manifest.containers:
        for mount in container.entries("volumeMounts"):
            path = mount.text_of("mountPath")
            if path.startswith(CONF_DIR + "/") or path == CONF_DIR:
                yield mount, path


@rule("IOB303", Severity.ERROR)
def no_volume(manifest: Manifest) -> Iterator[Problem]:
    """A mount names a volume that the pod does not have."""
    volumes = manifest.pod.entries("spec", "volumes") if manifest.pod is not None else []
    known = {each.text_of("name") for each in volumes}
    whole = any(each.text_of("image") for each in manifest.containers)
    for mount, _ in conf_mounts(manifest):
        if whole and mount.text_of("name") not in known:
            yield Problem(
                mount.place,
                "a mount names a volume that is not there",
                "the DaemonSet is refused",
                "add the volume with its configMap",
            )


@rule("IOB304", Severity.ERROR)
def not_loaded(manifest: Manifest) -> Iterator[Problem]:
    """A configuration file is mounted where it is not loaded."""
    for mount, path in conf_mounts(manifest):
        is_file = bool(mount.text_of("subPath"))
        if ".git" in path:
            found = "a path below conf.d contains .git"
        elif is_file and not path.endswith(".conf"):
            found = "a file below conf.d does not end in .conf"
        else:
            continue
        yield Problem(
            mount.place,
            found,
            "the agent does not load it and says nothing",
            "choose a path that ends in .conf and has no .git in it",
        )


@rule("IOB305", Severity.INFO)
def no_roll_out(manifest: Manifest) -> Iterator[Problem]:
    """Changed configuration does not reach running agents."""
    mounts = [mount for mount, _ in conf_mounts(manifest) if mount.text_of("subPath")]
    hashed = any(_HASH.search(key) for key in manifest.pod_annotations)
    if mounts and manifest.is_agent and not hashed:
        yield Problem(
            mounts[0].place,
            "files are mounted by subPath and the pod template has no hash of them",
            "a changed ConfigMap reaches no running agent",
            "put a hash of the files into an annotation of the template: one rolling restart"
            " per change, and no deletion",
        )


@rule("IOB306", Severity.ERROR)
def nameless_container(manifest: Manifest) -> Iterator[Problem]:
    """A container has no name."""
    for container in manifest.containers:
        if container.pairs is not None and container.get("name") is None:
            yield Problem(
                container.place,
                "a container has no name",
                "the API server refuses it, also as a patch, which finds containers by name",
                "write the name",
            )


@rule("IOB311", Severity.ERROR)
def input_off(manifest: Manifest) -> Iterator[Problem]:
    """An input that is configured is switched off."""
    entry = manifest.environment().get(_INPUTS)
    if entry is None or entry.get("valueFrom") is not None:
        return
    listed = {each.strip() for each in re.split(r"[,\s]", entry.text_of("value"))}
    for name in ("prom", "zipkin", "container"):
        if f"-{name}" in listed:
            yield Problem(
                entry.place,
                f"{_INPUTS} switches {name} off",
                f"the agent ignores every {name} configuration",
                f"remove -{name} from it",
            )
    if "container" not in listed and "-container" not in listed and any(listed):
        yield Problem(
            entry.place,
            f"{_INPUTS} lacks container",
            "the agent reads no pod annotation",
            "add container to it",
        )


@rule("IOB312", Severity.ERROR)
def git_mode(manifest: Manifest) -> Iterator[Problem]:
    """The agent reads its configuration from Git."""
    entry = manifest.environment().get("ENV_GIT_URL")
    if entry is not None and (entry.text_of("value") or entry.get("valueFrom")):
        yield Problem(
            entry.place,
            "ENV_GIT_URL is set",
            "the agent ignores every mounted file",
            "unset it, or put the files into that repository",
        )


@rule("IOB313", Severity.WARNING)
def election_off(manifest: Manifest) -> Iterator[Problem]:
    """The election is off."""
    # A patch says nothing about the environment; a whole agent has an image.
    whole = [each for each in manifest.agent_containers if each.text_of("image")]
    entry = manifest.environment().get("ENV_ENABLE_ELECTION")
    if whole and (entry is None or not (entry.text_of("value") or entry.get("valueFrom"))):
        yield Problem(
            entry.place if entry is not None else whole[0].place,
            "ENV_ENABLE_ELECTION is not set",
            "the agent of every node scrapes istiod and the gateways: each series once per node",
            "set it to enable",
        )


@rule("IOB314", Severity.INFO)
def election_shared(manifest: Manifest) -> Iterator[Problem]:
    """Clusters may share one election."""
    environment = manifest.environment()
    cluster = environment.get("ENV_CLUSTER_NAME_K8S")
    if "ENV_ENABLE_ELECTION" not in environment or cluster is None:
        return
    space = environment.get("ENV_NAMESPACE")
    chosen = space.text_of("value") if space is not None else ""
    from_elsewhere = space is not None and space.get("valueFrom") is not None
    # Who names the cluster has more than one of them.
    named = cluster.text_of("value") not in {"", "default"}
    if named and not from_elsewhere and chosen in {"", "default"}:
        yield Problem(
            (space or cluster).place,
            "the cluster has a name but ENV_NAMESPACE is the default",
            "clusters that share the workspace elect one leader, and only its cluster is scraped",
            "give each cluster its own ENV_NAMESPACE",
        )


@rule("IOB315", Severity.ERROR)
def version_without_annotation(manifest: Manifest) -> Iterator[Problem]:
    """This version of the agent ignores annotations."""
    for container in manifest.agent_containers:
        image = container.get("image")
        if image is None:
            continue
        tag = image.text.partition("@")[0].rpartition(":")[2]
        if tag == _WITHOUT_ANNOTATION:
            yield Problem(
                image.place,
                f"image is version {_WITHOUT_ANNOTATION}",
                f"this version alone ignores the annotation {PROM_ANNOTATION}",
                "use 1.63.1 or newer",
            )


@rule("IOB316", Severity.WARNING)
def double_scraping(manifest: Manifest) -> Iterator[Problem]:
    """Sidecars are scraped twice."""
    entry = manifest.environment().get(_DISCOVERY)
    if entry is not None and entry.text_of("value") == "true":
        yield Problem(
            entry.place,
            "discovery of prometheus.io annotations is on",
            f"Istio sets them on every pod, so one with {PROM_ANNOTATION} is scraped twice",
            "switch it off, or use no annotations of DataKit",
        )


@rule("IOB317", Severity.ERROR)
def mixed_list(manifest: Manifest) -> Iterator[Problem]:
    """The list of inputs mixes commas and spaces."""
    entry = manifest.environment().get(_INPUTS)
    value = entry.text_of("value") if entry is not None else ""
    if entry is not None and " " in value.strip() and "," in value:
        yield Problem(
            entry.place,
            f"{_INPUTS} has commas and spaces",
            "with a space in it the agent splits at spaces only, so several names become one",
            "use commas only",
        )


@rule("IOB318", Severity.WARNING)
def false_is_true(manifest: Manifest) -> Iterator[Problem]:
    """A switch is on although it says false."""
    entry = manifest.environment().get("ENV_ENABLE_ELECTION")
    if entry is not None and entry.text_of("value").lower() in {"false", "no", "off", "disable"}:
        yield Problem(
            entry.place,
            "ENV_ENABLE_ELECTION is a word that means no",
            "any value switches the election on",
            "remove the variable to switch it off, or write enable",
        )


MANIFEST_RULES: Final = (
    no_volume,
    not_loaded,
    no_roll_out,
    nameless_container,
    input_off,
    git_mode,
    election_off,
    election_shared,
    version_without_annotation,
    double_scraping,
    mixed_list,
    false_is_true,
)
