"""
What a resource still holds where its spec has no business any more: to be let go.

So it is after a change of ``spec.datakit`` or ``spec.istio``, whatever else is planned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from istio_observability.model.objects import CONFIG_MAP, DAEMON_SET, SERVICE, ObjectRef
from istio_observability.plan.intent import Action, Intent, Wave
from istio_observability.plan.part import Part
from istio_observability.plan.plan_config_map import OWN_CONFIG_MAP
from istio_observability.plan.plan_services import is_created_for, service_names

if TYPE_CHECKING:
    from istio_observability.model.custom_resource import Resource
    from istio_observability.plan.snapshot import Snapshot

_WHY = "the resource names another place"


def plan_left_behind(resource: Resource, snapshot: Snapshot) -> Part:
    """Return the releases of what the spec does not name any more."""
    spec = resource.spec.datakit
    agents = [
        Intent(
            Action.RELEASE,
            Wave.LABEL,
            ObjectRef(DAEMON_SET, each.namespace, each.name),
            each.uid,
            None,
            _WHY,
            each.rollout.wanted,
        )
        for key, each in sorted(snapshot.agents.items())
        if key != (spec.namespace, spec.daemon_set_name)
        and each.wired_by == resource.name
        and not each.deleting
    ]
    named = {(spec.namespace, spec.config_map_name), (spec.namespace, OWN_CONFIG_MAP)}
    maps = [
        Intent(
            Action.DELETE if is_created_for(resource, each) else Action.RELEASE,
            Wave.CONFIG,
            ObjectRef(CONFIG_MAP, each.namespace, each.name),
            each.uid,
            None,
            _WHY,
        )
        for key, each in sorted(snapshot.config_maps.items())
        if key not in named
        and (each.wired_by == resource.name or is_created_for(resource, each))
        and not each.deleting
    ]
    services = [
        Intent(
            Action.DELETE,
            Wave.CONFIG,
            ObjectRef(SERVICE, each.namespace, each.name),
            each.uid,
            None,
            _WHY,
        )
        for key, each in sorted(snapshot.services.items())
        if key not in service_names(resource)
        and is_created_for(resource, each)
        and not each.deleting
    ]
    return Part(due=(*agents, *maps, *services))
