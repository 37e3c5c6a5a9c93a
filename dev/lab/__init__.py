"""
What demo, bench and cluster tests share: the operator as a process, the stage it plays on, proofs.

The operator runs outside the cluster, but with the token of the ServiceAccount that ``manifests/``
installs and with no other right.
"""

from dev.lab.dump import differences, dump_cluster, traces_of_operator
from dev.lab.operator_process import OperatorProcess
from dev.lab.stage import (
    REPOSITORY,
    install_bookinfo,
    install_datakit,
    install_operator,
    wait_until,
    wait_workloads_ready,
)

__all__ = [
    "REPOSITORY",
    "OperatorProcess",
    "differences",
    "dump_cluster",
    "install_bookinfo",
    "install_datakit",
    "install_operator",
    "traces_of_operator",
    "wait_until",
    "wait_workloads_ready",
]
