"""Leave the wired cluster up until Ctrl-C, and tell how to look around in it."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dev.demo.scene import Scene
    from dev.lab import OperatorProcess

_LOOK: Final = (
    ("kubectl get iobs -o wide", "the state in one line"),
    ("kubectl describe iobs mesh", "conditions, findings, events"),
    ("kubectl describe deploy details-v1 -n prod", "what the team that owns it sees"),
    ("kubectl get cm datakit-conf -n datakit -o yaml", "the agent's files in full"),
)
_TRY: Final = (
    (
        "kubectl label deploy reviews-v1 -n prod istio-observability.dev/wire=false",
        "a team opts one Deployment out: its annotation goes, the rest stays",
    ),
    (
        "kubectl create deploy extra --image=x -n prod",
        "a new Deployment is wired as soon as it is there",
    ),
    (
        "kubectl delete svc zipkin -n istio-system",
        "somebody deletes a Service of ours: it comes back",
    ),
    ("kubectl delete iobs mesh", "everything goes back"),
)


def keep_until_interrupted(scene: Scene, operator: OperatorProcess) -> None:
    """Tell how to look around and return at Ctrl-C."""
    account = scene.account
    account.section("The cluster is yours until Ctrl-C")
    account.say("In another terminal:")
    account.item(f"export KUBECONFIG={scene.cluster.kubeconfig}", "bold")
    if scene.plane is not None:
        account.item(f'export PATH="{scene.plane.programs["kubectl"].parent}:$PATH"', "bold")
    for title, commands in (("Look around:", _LOOK), ("Try:", _TRY)):
        account.blank()
        account.say(title)
        for command, purpose in commands:
            account.item(f"# {purpose}", "dim")
            account.item(command)
    account.blank()
    account.say(f"The operator writes its log to {operator.log_path}.")
    gone = (
        "ends the cluster and removes its files"
        if scene.plane is not None
        else "removes what the demo has installed"
    )
    account.say(f"This program must keep running. Ctrl-C {gone}.", "bold")
    try:
        while True:
            signal.pause()
    except KeyboardInterrupt:
        account.blank()
