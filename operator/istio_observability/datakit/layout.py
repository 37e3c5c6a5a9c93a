"""
Where DataKit looks for configuration: annotation keys, files under ``conf.d``, ports and limits.

The names are those of the installation that the operator takes over, so they may not change: a
second name for the same file would load the same target twice.

Sources: GuanceCloud/datakit 1.84.1, internal/config/load_inputconf.go (``conf.d`` is walked to any
depth, sub-directories are convention only) and
internal/plugins/inputs/container/kubernetes/k8s_pod_prom.go (annotation key).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

PROM_ANNOTATION: Final = "datakit/prom.instances"
"""Annotation of a pod whose endpoints the agent of its node scrapes."""

LOGS_ANNOTATION: Final = "datakit/logs"
"""Annotation of a pod that says how the output of all its containers is collected."""

CONF_DIR: Final = "/usr/local/datakit/conf.d"

HTTP_PORT: Final = 9529
"""The agent's own HTTP server; the routes of the zipkin input are served here and nowhere else."""

ZIPKIN_PORT: Final = 9411
"""The port Istio sends spans to; nothing in the agent listens there."""

CONFIG_MAP_MAX_BYTES: Final = 1024 * 1024
"""What the API server accepts as keys and values of one ConfigMap."""

ANNOTATIONS_MAX_BYTES: Final = 256 * 1024
"""What the API server accepts as keys and values of all annotations of one object."""


class ConfigPath(StrEnum):
    """
    The way a TOML text reaches the agent; the two ways read the same text differently.

    ``ANNOTATION``: ``$IP``, ``$NAMESPACE``, ``$PODNAME`` and ``$NODENAME`` are replaced by facts
    of the pod, custom tags win over labels, there is no election.
    ``CONF``: ``$NAME`` and ``${NAME}`` are replaced by the environment of the agent, ``{{…}}`` and
    ``ENC[…]`` are evaluated, labels win over custom tags, election is on unless switched off.
    """

    ANNOTATION = "annotation"
    CONF = "conf"


class AgentFile(StrEnum):
    """The configuration files that we own. Values are keys of the ConfigMap."""

    ISTIOD = "prom_istiod.conf"
    INGRESS_GATEWAY = "prom-ingressgateway.conf"
    EGRESS_GATEWAY = "prom-egressgateway.conf"
    ZIPKIN = "zipkin.conf"

    @property
    def key(self) -> str:
        """Return the key in the ConfigMap, which is also the ``subPath`` of the mount."""
        return self.value

    @property
    def mount_path(self) -> str:
        """Return the absolute path of the file inside the agent's container."""
        folder = "zipkin" if self is AgentFile.ZIPKIN else "prom"
        return f"{CONF_DIR}/{folder}/{self.value}"
