"""
What a resource holds in the cluster besides workloads: the objects that a release must get rid of.

Read from the objects themselves, so that a deletion ends when nothing is left and not when a plan
happens to have nothing to do. An object that is being deleted is not waited for: what we set goes
with it, and somebody else's finalizer may keep it for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from istio_observability.model.objects import (
    CONFIG_MAP,
    DAEMON_SET,
    NAMESPACE,
    SERVICE,
    ObjectRef,
)
from istio_observability.plan.build_injection_label import is_labelled_by
from istio_observability.plan.plan_services import is_created_for

if TYPE_CHECKING:
    from istio_observability.model.custom_resource import Resource
    from istio_observability.plan.snapshot import Snapshot


def holdings(resource: Resource, snapshot: Snapshot) -> tuple[ObjectRef, ...]:
    """Return the parts of an installation that carry something of this resource, sorted."""
    held = [
        ObjectRef(NAMESPACE, "", each.name)
        for each in snapshot.namespaces.values()
        if is_labelled_by(resource, each)
    ]
    held += [
        ObjectRef(DAEMON_SET, each.namespace, each.name)
        for each in snapshot.agents.values()
        if each.held and each.wired_by == resource.name and not each.deleting
    ]
    held += [
        ObjectRef(CONFIG_MAP, each.namespace, each.name)
        for each in snapshot.config_maps.values()
        if not each.deleting
        and (is_created_for(resource, each) or (each.held and each.wired_by == resource.name))
    ]
    held += [
        ObjectRef(SERVICE, each.namespace, each.name)
        for each in snapshot.services.values()
        if is_created_for(resource, each) and not each.deleting
    ]
    return tuple(sorted(held))
