"""
Where the demo plays: a cluster, how long things may take there, and what can be seen of it.

``Scene`` is all that the story knows; whether the cluster is a local plane or the user's own is
decided before the story begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import ExitStack

    from dev.account import Account
    from dev.control_plane import ClusterAccess, ControlPlane


class DemoError(Exception):
    """The demo cannot go on; the text is one sentence for the person who started it."""


@dataclass(frozen=True, slots=True)
class Scene:
    """
    One cluster for one demo.

    Attributes:
        cluster: With administrator's rights.
        account: Where everything is told.
        install_istio: Installs Istio's demo profile and waits until sidecars are injected.
        timeout_s: Seconds for each wait; a real cluster has images to pull.
        plane: The local plane, whose audit log can be read; ``None`` on another cluster.
        keep: Stop after the resource is wired and leave the cluster as it is until Ctrl-C.
        stack: Ended with the demo, whatever happens: processes, temporary files.
        undo_step: Registers how to take something out of the cluster in the end, by name, the
            last one first; does nothing where the cluster itself goes away.
    """

    cluster: ClusterAccess
    account: Account
    install_istio: Callable[[], None]
    timeout_s: int
    plane: ControlPlane | None
    keep: bool
    stack: ExitStack
    undo_step: Callable[[str, Callable[[], None]], None]
