"""The demo on a control plane of this machine, which goes away with it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from dev.control_plane import ControlPlane, ensure_binaries, install_istio
from dev.control_plane.modules import ALL_MODULES
from dev.demo.announce import announce_local
from dev.demo.scene import Scene
from dev.try_it.show import show_wish

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dev.account import Account

_NODES: Final = 3
_TIMEOUT_S: Final = 180


@contextlib.contextmanager
def local_scene(account: Account, *, keep: bool) -> Iterator[Scene]:
    """
    Build what is missing, start a plane, and end it when the story is over.

    Raises:
        BinariesError: A program cannot be built here.
        StartError: The plane does not come up.
    """
    must_build = announce_local(account, keep=keep)
    if must_build:
        account.say("Meanwhile, here is what make try shows, which needs none of this:")
        show_wish(account)
        account.section("Building")
    else:
        account.say("In a hurry? make try shows in a second what would change, without a cluster.")
    programs = ensure_binaries(ALL_MODULES)
    account.section("The stage")
    with contextlib.ExitStack() as stack:
        with account.step(f"control plane with {_NODES} nodes"):
            plane = stack.enter_context(ControlPlane.start(_NODES, programs=programs))
        yield Scene(
            cluster=plane,
            account=account,
            install_istio=lambda: _install(plane),
            timeout_s=_TIMEOUT_S,
            plane=plane,
            keep=keep,
            stack=stack,
            undo_step=_leave_it_to_the_plane,
        )


def _install(plane: ControlPlane) -> None:
    install_istio(plane, programs=plane.programs)


def _leave_it_to_the_plane(what: str, undo: Callable[[], None]) -> None:
    del what, undo
