"""
How the operator reaches the API server: address, trust, credentials.

Inside a pod the ServiceAccount's token is read again once a minute and whenever the server says
401; outside, the kubeconfig (with its exec plugins) is read again at 401. Requests go through one
aiohttp session that this module configures from what the Kubernetes client has loaded, because
the client's own request path knows neither bounded retries of PATCH nor streams.
"""

from __future__ import annotations

import os
import urllib.request
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config import load_incluster_config, load_kube_config

from istio_observability import __version__
from istio_observability.kube.api import ClusterApi
from istio_observability.kube.classify import LIBRARY_ERRORS
from istio_observability.kube.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from istio_observability.kube.transport import ClientOptions


USER_AGENT: Final = f"istio-observability-operator/{__version__}"


@dataclass(slots=True)
class Connection:
    """
    One way to one API server: what ``ClusterApi`` sends its requests through.

    Attributes:
        base_url: ``https://host:port``, without a slash at the end.
        request_options: What aiohttp needs with each request (proxy, TLS server name).
    """

    session: aiohttp.ClientSession
    base_url: str
    configuration: Configuration
    load: Callable[[Configuration], Awaitable[None]]
    request_options: dict[str, Any] = field(default_factory=dict)

    async def authorization(self) -> str | None:
        """Return the value of the ``Authorization`` header, if the server is to get one."""
        value: str | None = await self.configuration.get_api_key_with_prefix(
            "BearerToken", alias="authorization"
        )
        return value

    async def renew_credentials(self) -> None:
        """
        Read the credentials again, at once.

        Raises:
            Misconfigured: They can no longer be read.
        """
        try:
            await self.load(self.configuration)
        except (*LIBRARY_ERRORS, ValueError, KeyError) as error:
            raise Misconfigured(_cannot_load(error)) from error

    async def close(self) -> None:
        """Close every connection of the session."""
        await self.session.close()


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """
    What another client needs to reach the same cluster; never printed.

    Files are paths; ``None`` where the cluster does not use that way.
    """

    server: str
    ca_file: str | None
    insecure: bool
    token: str | None
    certificate_file: str | None
    key_file: str | None


async def connect(
    kubeconfig: Path | None = None,
    context: str | None = None,
    *,
    in_cluster: bool | None = None,
    options: ClientOptions | None = None,
) -> ClusterApi:
    """
    Load credentials and return the way to the cluster; sends no request.

    Args:
        kubeconfig: A file; ``None`` means ``$KUBECONFIG`` or ``~/.kube/config``.
        context: A context of it; ``None`` means its current one.
        in_cluster: Use the pod's ServiceAccount. ``None``: yes, if the process runs in a pod and
            neither a kubeconfig nor a context was named.
        options: How the cluster is talked to.

    Raises:
        Misconfigured: The credentials cannot be loaded.
    """
    load = _loader(kubeconfig, context, in_cluster=in_cluster)
    configuration = Configuration()
    # kubectl does not apply RFC 5280 strictly either: many cluster CAs lack a key identifier.
    configuration.disable_strict_ssl_verification = True
    try:
        await load(configuration)
        ssl_context = RESTClientObject(configuration).ssl_context
    except (*LIBRARY_ERRORS, ValueError, KeyError, TypeError) as error:
        raise Misconfigured(_cannot_load(error)) from error
    session = aiohttp.ClientSession(
        # The transport bounds its requests itself: waiting for a free connection must not count
        # against the request's time-out, and a watch must not take a place away.
        connector=aiohttp.TCPConnector(limit=0, ssl=ssl_context),
        headers={"User-Agent": USER_AGENT},
    )
    request_options: dict[str, Any] = {}
    if proxy := configuration.proxy or _proxy_of_environment(configuration.host):
        request_options["proxy"] = proxy
    if configuration.tls_server_name:
        request_options["server_hostname"] = configuration.tls_server_name
    connection = Connection(
        session=session,
        base_url=str(configuration.host).rstrip("/"),
        configuration=configuration,
        load=load,
        request_options=request_options,
    )
    return ClusterApi(connection, options)


async def read_credentials(
    kubeconfig: Path | None = None, context: str | None = None
) -> Credentials:
    """
    Load credentials for another client of the same cluster, namely Kopf.

    Raises:
        Misconfigured: The credentials cannot be loaded.
    """
    configuration = Configuration()
    try:
        await _loader(kubeconfig, context, in_cluster=None)(configuration)
        token = await configuration.get_api_key_with_prefix("BearerToken", alias="authorization")
    except (*LIBRARY_ERRORS, ValueError, KeyError, TypeError) as error:
        raise Misconfigured(_cannot_load(error)) from error
    return Credentials(
        server=str(configuration.host).rstrip("/"),
        ca_file=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        # The library prefixes the scheme; Kopf adds its own.
        token=token.removeprefix("Bearer ").removeprefix("bearer ") if token else None,
        certificate_file=configuration.cert_file,
        key_file=configuration.key_file,
    )


def _loader(
    kubeconfig: Path | None, context: str | None, *, in_cluster: bool | None
) -> Callable[[Configuration], Awaitable[None]]:
    if in_cluster is None:
        named = kubeconfig is not None or context is not None
        in_cluster = not named and "KUBERNETES_SERVICE_HOST" in os.environ

    async def load(configuration: Configuration) -> None:
        if in_cluster:
            load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
            return
        await load_kube_config(  # type: ignore[no-untyped-call]
            config_file=str(kubeconfig) if kubeconfig else None,
            context=context,
            client_configuration=configuration,
            # The user's file is not ours to write.
            persist_config=False,
        )

    return load


def _proxy_of_environment(server: str) -> str | None:
    # Once per connection: aiohttp's `trust_env` also opens ~/.netrc for every single request.
    parts = urlsplit(server)
    if parts.hostname is None or urllib.request.proxy_bypass(parts.hostname):
        return None
    return urllib.request.getproxies().get(parts.scheme)


def _cannot_load(error: Exception) -> str:
    # The library's text may quote the file, and with it a token.
    return f"the credentials for the cluster cannot be loaded ({type(error).__name__})"
