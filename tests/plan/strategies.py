"""Random specs and clusters: small, and full of what a plan has to decide about."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from istio_observability.datakit.layout import AgentFile
from istio_observability.plan.agent_facts import (
    AgentFacts,
    ConfigMapFacts,
    MountFacts,
    ServiceFacts,
    VolumeFacts,
)
from istio_observability.plan.facts import (
    ABSENT,
    FieldFacts,
    NamespaceFacts,
    PodCounts,
    RolloutFacts,
    WorkloadFacts,
)
from istio_observability.plan.plan import plan
from istio_observability.plan.plan_config_map import OWN_CONFIG_MAP
from tests.datakit import source_document as document
from tests.plan import builders

if TYPE_CHECKING:
    from istio_observability.model.custom_resource import Resource
    from istio_observability.plan.snapshot import Snapshot

HOMES = ("prod", "dev", "istio-system")
_WIRE = "istio-observability.dev/wire"


def _maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), strategy)


def _group(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


_selectors = st.sampled_from(
    [
        {},
        {"matchLabels": {"tier": "gold"}},
        {"matchExpressions": [{"key": "tier", "operator": "Exists"}]},
    ]
)
_collect = st.sampled_from(["IfPresent", "Always", "Never"])
_homes = st.lists(st.sampled_from(HOMES[:2]), unique=True, max_size=2)
_intervals = st.sampled_from(["1s", "30s", "60s", "5m"])
_tags = st.dictionaries(st.sampled_from(["team", "namespace", "env"]), st.just("a"), max_size=2)
_families = st.lists(st.sampled_from(["^jvm_", "my_family", "^istio_build$"]), unique=True)

specs: st.SearchStrategy[dict[str, Any]] = _group(
    mode=st.sampled_from(["Plan", "Enforce"]),
    injection=st.fixed_dictionaries({"namespaces": _homes}),
    datakit=_group(configMapName=st.sampled_from(["datakit-conf", OWN_CONFIG_MAP, "other"])),
    metrics=_group(
        profile=st.sampled_from(["Standard", "Document"]),
        views=st.lists(st.sampled_from(["Mesh", "ControlPlane"]), unique=True, min_size=1),
        interval=_intervals,
        extraFamilies=_families,
        tags=_tags,
    ),
    workloads=_group(
        namespaces=_homes,
        namespaceSelector=_selectors,
        selector=_selectors,
        overrides=st.lists(
            st.fixed_dictionaries(
                {"name": st.sampled_from(["a", "b"])},
                optional={"selector": _selectors, "interval": _intervals, "tags": _tags},
            ),
            unique_by=lambda each: str(each["name"]),
            max_size=2,
        ),
    ),
    controlPlane=_group(collect=_collect),
    gateways=st.lists(
        st.fixed_dictionaries(
            {"name": st.sampled_from(["ingress", "egress"])}, optional={"collect": _collect}
        ),
        unique_by=lambda each: str(each["name"]),
        max_size=2,
    ),
    tracing=_group(zipkinService=st.sampled_from(["Always", "IfUsed", "Never"])),
    logs=_group(collect=st.sampled_from(["Never", "Always"])),
)

_texts = st.sampled_from(
    [
        document.PRODUCTPAGE,
        document.ISTIOD,
        document.ZIPKIN,
        "no toml [",
        "",
        '[[inputs.prom]]\nurl = "not an address"\nsource = "a"\ninterval = "10s"\n',
        '[[inputs.prom]]\nurl = "http://$IP:15020/x"\nsource = "a"\n[inputs.prom.tags]\nle = "1"\n',
    ]
)
_fields = st.one_of(
    st.just(ABSENT),
    st.builds(FieldFacts, value=_texts, others=st.just(("Helm",))),
    st.builds(FieldFacts, value=_texts, ours=st.just(True)),
    st.builds(FieldFacts, value=_texts, ours=st.just(True), others=st.just(("Helm",))),
)
_holders = st.sampled_from(["", "", "", "mesh", "other"])
_rollouts = st.sampled_from([RolloutFacts(), builders.UNFINISHED, builders.STUCK])
_pods = st.sampled_from([PodCounts(), PodCounts(2, 2), PodCounts(2, 0)])
_ordinary_labels = st.dictionaries(st.sampled_from(["tier"]), st.sampled_from(["gold", "tin"]))
_wishes = st.dictionaries(st.just(_WIRE), st.sampled_from(["true", "false", "x"]), max_size=1)


@st.composite
def workloads(draw: st.DrawFn, name: str, home: str) -> WorkloadFacts:
    """Draw a Deployment in any state that the API server allows."""
    return builders.workload(
        name,
        home,
        labels=draw(_wishes),
        template_labels={"app": name, **draw(_ordinary_labels)},
        prom=draw(_fields),
        logs=draw(_fields),
        other_annotation_bytes=draw(st.sampled_from([0, 0, 0, 262_000])),
        host_network=draw(st.sampled_from([False, False, True])),
        template_has_proxy=draw(st.booleans()),
        controller=draw(st.sampled_from(["", "", "", "Rollout cart"])),
        paused=draw(st.sampled_from([False, False, True])),
        deleting=draw(st.sampled_from([False, False, False, True])),
        replicas=draw(st.integers(0, 3)),
        rollout=draw(_rollouts),
        pods=draw(_pods),
        wired_by=draw(_holders),
        revision=draw(st.sampled_from(["", "0123abcd"])),
        rollouts_caused=draw(st.integers(0, 2)),
        written_at=draw(st.sampled_from([0.0, builders.NOW])),
        last_write_ours=draw(st.booleans()),
    )


@st.composite
def namespaces(draw: st.DrawFn, name: str) -> NamespaceFacts:
    """Draw a Namespace with any mixture of labels that speak about injection."""
    labels = draw(_wishes) | draw(_ordinary_labels)
    labels |= draw(st.sampled_from([{}, {}, {"istio.io/rev": "canary"}]))
    labels |= draw(st.sampled_from([{}, {}, {"istio.io/dataplane-mode": "ambient"}]))
    value = draw(st.sampled_from([None, "enabled", "disabled"]))
    is_ours = draw(st.booleans()) if value == "enabled" else False
    if value is None:
        return NamespaceFacts(name, f"uid-of-{name}", labels, wired_by=draw(_holders))
    others = () if is_ours else ("kubectl",)
    return NamespaceFacts(
        name,
        f"uid-of-{name}",
        {**labels, "istio-injection": value},
        terminating=draw(st.sampled_from([False, False, False, True])),
        injection=FieldFacts(value, ours=is_ours, others=others),
        wired_by=draw(_holders),
    )


@st.composite
def agents(draw: st.DrawFn) -> AgentFacts:
    """Draw the agent, with mounts and volumes of anybody at the paths that we want."""
    volumes = draw(
        st.lists(
            st.sampled_from(
                [
                    VolumeFacts("datakit-conf", "datakit-conf", others=("kubectl apply",)),
                    VolumeFacts("conf", "other", others=("Helm",)),
                    VolumeFacts(OWN_CONFIG_MAP, OWN_CONFIG_MAP, ours=True),
                    VolumeFacts("cache", others=("kubectl apply",)),
                ]
            ),
            unique=True,
        )
    )
    mounts = []
    for file in AgentFile:
        volume = draw(_maybe(st.sampled_from(volumes))) if volumes else None
        if volume is not None:
            is_ours = draw(st.booleans())
            others = () if is_ours else ("Helm",)
            key = draw(st.sampled_from([file.key, "x"]))
            mounts.append(MountFacts(file.mount_path, volume.name, key, is_ours, others))
    hashed = draw(st.sampled_from([ABSENT, builders.ours("0123456789abcdef")]))
    return builders.agent(
        builders.container(
            draw(st.sampled_from(["datakit", "datakit", "agent"])),
            mounts=tuple(mounts),
            image_foreign=draw(st.sampled_from([True, True, True, False])),
        ),
        volumes=tuple(volumes),
        config_hash=hashed,
        on_delete=draw(st.booleans()),
        deleting=draw(st.sampled_from([False, False, False, True])),
        wired_by=draw(_holders),
        rollouts_caused=draw(st.integers(0, 2)),
    )


@st.composite
def config_maps(draw: st.DrawFn, name: str) -> ConfigMapFacts:
    """Draw a ConfigMap of the agent, ours or somebody else's."""
    keys = {file.key: draw(_fields) for file in AgentFile}
    created = name == OWN_CONFIG_MAP and draw(st.booleans())
    return builders.config_map(
        name,
        keys={key: facts for key, facts in keys.items() if facts.value is not None},
        other_bytes=draw(st.sampled_from([0, 0, 0, 1024 * 1024])),
        immutable=draw(st.sampled_from([False, False, False, True])),
        owner_name="mesh" if created else "",
        owner_uid="uid-of-mesh" if created else "",
        wired_by="" if created else draw(_holders),
        deleting=draw(st.sampled_from([False, False, False, True])),
    )


@st.composite
def services(draw: st.DrawFn, name: str, home: str) -> ServiceFacts:
    """Draw a Service under one of our names, ours or somebody else's."""
    owner = draw(st.sampled_from(["", "mesh", "other"]))
    return builders.service(
        name,
        home,
        type=draw(st.sampled_from(["ClusterIP", "ExternalName"])),
        selector=draw(st.sampled_from([{}, {"app": "daemonset-datakit"}])),
        ports=draw(st.sampled_from([(), ((9411, "9529", "http-zipkin"),)])),
        owner_name=owner,
        owner_uid=f"uid-of-{owner}" if owner else "",
        deleting=draw(st.sampled_from([False, False, False, True])),
    )


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw a cluster in which everything may be there, absent, ours or somebody else's."""
    facts: list[Any] = [draw(namespaces(home)) for home in HOMES if draw(st.booleans())]
    facts += [
        draw(workloads(name, home))
        for home, name in (("prod", "cart"), ("prod", "shop"), ("dev", "cart"))
        if draw(st.booleans())
    ]
    stock: list[WorkloadFacts] = [builders.istiod(), builders.gateway("ingress")]
    stock += [builders.gateway("egress", replicas=2)]
    facts += [each for each in stock if draw(st.booleans())]
    facts += draw(st.lists(agents(), max_size=1))
    maps = [draw(config_maps(name)) for name in ("datakit-conf", OWN_CONFIG_MAP, "other")]
    facts += [each for each in maps if draw(st.booleans())]
    facts += [
        draw(services(name, home))
        for name, home in (
            ("zipkin", "istio-system"),
            ("istio-ingressgateway-ext", "istio-system"),
            ("datakit-service-ext", "datakit"),
        )
        if draw(st.booleans())
    ]
    mesh = draw(
        st.sampled_from(
            [
                None,
                "",
                "no: [mesh",
                builders.ZIPKIN_MESH,
                "extensionProviders: [{name: z, zipkin: {service: zipkin.istio-system.svc}}]",
            ]
        )
    )
    revisions = draw(st.sampled_from([frozenset(), frozenset({"default"}), frozenset({"canary"})]))
    return builders.snapshot(*facts, mesh=mesh, revisions=revisions)


@st.composite
def resources(draw: st.DrawFn, name: str = "mesh") -> Resource:
    """Draw a valid resource."""
    return builders.resource(draw(specs), name=name)


@st.composite
def untouched_snapshots(draw: st.DrawFn) -> Snapshot:
    """Draw a cluster in which nothing is ours and nothing is on its way out."""
    found = draw(snapshots())
    bare = {
        key: replace(each, prom=_foreign(each.prom), logs=_foreign(each.logs), wired_by="")
        for key, each in found.workloads.items()
    }
    homes = {
        key: replace(
            each,
            wired_by="",
            injection=replace(_foreign(each.injection)),
            labels={k: v for k, v in each.labels.items() if k != "istio-injection"}
            if _foreign(each.injection) is ABSENT
            else each.labels,
        )
        for key, each in found.namespaces.items()
    }
    daemons = {
        key: replace(
            each,
            containers=tuple(
                replace(box, mounts=tuple(m for m in box.mounts if not m.ours))
                for box in each.containers
            ),
            volumes=tuple(volume for volume in each.volumes if not volume.ours),
            config_hash=_foreign(each.config_hash),
            wired_by="",
        )
        for key, each in found.agents.items()
    }
    maps = {
        key: replace(
            each,
            keys={k: v for k, v in each.keys.items() if not v.ours},
            wired_by="",
        )
        for key, each in found.config_maps.items()
        if not each.owner_uid
    }
    theirs = {
        key: each for key, each in found.services.items() if each.owner_uid in ("", "uid-of-x")
    }
    return replace(
        found,
        workloads={k: replace(v, deleting=False, rollouts_caused=0) for k, v in bare.items()},
        namespaces=homes,
        agents=daemons,
        config_maps=maps,
        services=theirs,
    )


def _foreign(live: FieldFacts) -> FieldFacts:
    return ABSENT if live.ours else live


def everything_of(wish: Resource, found: Snapshot) -> object:
    """Return all that a plan says, as one value to compare."""
    made = plan(wish, found)
    return made.due, made.wanted, made.findings, made.workloads, made.parts
