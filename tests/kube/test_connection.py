"""Where credentials come from, and what is said when they cannot be used."""

from __future__ import annotations

import json
from typing import Any

import pytest
from kubernetes.aio.config import incluster_config

from istio_observability import __version__
from istio_observability.kube.connection import connect
from istio_observability.kube.errors import Misconfigured
from istio_observability.model.objects import DEPLOYMENT, ObjectRef
from tests.kube.fake_server import FakeServer, answer, failure, serving

CART = ObjectRef(DEPLOYMENT, "prod", "cart")

# Self-signed for this test; its key was thrown away.
CA = """\
-----BEGIN CERTIFICATE-----
MIIBiTCCAS+gAwIBAgIUaglkxWl7oeoZla3+R9RXz00BqBwwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOdGVzdC1hdXRob3JpdHkwIBcNMjYxMTI0MTA0NTU3WhgPMjEy
NjEwMzExMDQ1NTdaMBkxFzAVBgNVBAMMDnRlc3QtYXV0aG9yaXR5MFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAEbs0W52RHlRW99gfpt/ARSnIv4NRw+wbRCOySufaW
QGy2wgkpwmFxpgeCqVQWQqXbTvgUt6cojgWe034OBK3yOqNTMFEwHQYDVR0OBBYE
FO5QLA5AMR2uuFV+5QExNo7kHOrSMB8GA1UdIwQYMBaAFO5QLA5AMR2uuFV+5QEx
No7kHOrSMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAMytQHw5
WyVbtGapS8WZ4emNs/DJ1vFvEzMRb/TO9pM4AiB/QgsXQuCSstwHxIbK0tb7Na1o
fxtuTjeLWPbB//VWTQ==
-----END CERTIFICATE-----
"""


def kubeconfig(url: Any, token: Any = "one", context: Any = "here") -> Any:
    """Return a kubeconfig with one user."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "contexts": [
            {"name": "here", "context": {"cluster": "c", "user": "u"}},
            {"name": "there", "context": {"cluster": "c", "user": "other"}},
        ],
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [
            {"name": "u", "user": {"token": token}},
            {"name": "other", "user": {"token": "of-there"}},
        ],
    }


async def test_kubeconfig_is_used_and_read_again(tmp_path):
    """Requests name us and carry the user's token; a 401 reads the file again."""
    server = FakeServer(others=[answer(), failure(401), answer(), answer()])
    file = tmp_path / "config"

    async with serving(server):
        file.write_text(json.dumps(kubeconfig(server.url)))
        async with await connect(file) as api:
            await api.get(CART)
            file.write_text(json.dumps(kubeconfig(server.url, "two")))
            await api.get(CART)
        async with await connect(file, "there") as api:
            await api.get(CART)

    sent = [request.headers["Authorization"] for request in server.requests]
    assert sent == ["Bearer one", "Bearer one", "Bearer two", "Bearer of-there"]
    agents = {request.headers["User-Agent"] for request in server.requests}
    assert {f"istio-observability-operator/{__version__}"} == agents


async def test_environment_names_the_proxy(tmp_path, monkeypatch):
    """A proxy of the environment is used, except for hosts that are exempt."""
    file = tmp_path / "config"
    file.write_text(json.dumps(kubeconfig("http://cluster.example.com")))
    monkeypatch.setenv("http_proxy", "http://proxy.example.com:3128")
    monkeypatch.setenv("no_proxy", "")
    async with await connect(file) as api:
        assert api._transport.connection.request_options == {
            "proxy": "http://proxy.example.com:3128"
        }
    monkeypatch.setenv("no_proxy", "example.com")
    async with await connect(file) as api:
        assert api._transport.connection.request_options == {}


async def test_service_account_is_used_in_a_pod(tmp_path, monkeypatch):
    """In a pod the mounted token is used, and read again when it is refused."""
    server = FakeServer(others=[answer(), failure(401), answer()])
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text("mounted")
    authority.write_text(CA)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(token))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(authority))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "1")

    async with serving(server), await connect() as api:
        # The pod's address is https; only the credentials are looked at here.
        assert api._transport.connection.base_url == "https://127.0.0.1:1"
        api._transport.connection.base_url = server.url
        await api.get(CART)
        token.write_text("rotated")
        await api.get(CART)

    sent = [request.headers["Authorization"].lower() for request in server.requests]
    assert sent == ["bearer mounted", "bearer mounted", "bearer rotated"]


BROKEN = {
    "no file": None,
    "empty": "",
    "no YAML": "{[",
    "no such context": json.dumps(kubeconfig("http://x", context="nowhere")),
    "no text": "\x00",
    "authority that is no certificate": json.dumps(
        {
            **kubeconfig("https://x"),
            "clusters": [
                {
                    "name": "c",
                    "cluster": {"server": "https://x", "certificate-authority-data": "c2VjcmV0"},
                }
            ],
        }
    ),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
async def test_unusable_kubeconfig_needs_the_user(tmp_path, text):
    """Whatever is wrong with the file, it is one error without the file's content."""
    file = tmp_path / "config"
    if text is not None:
        file.write_text(text)

    with pytest.raises(Misconfigured) as failed:
        await connect(file)

    assert "token" not in str(failed.value)


async def test_not_in_a_pod(monkeypatch):
    """Asking for the pod's credentials elsewhere is an error of the user."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    with pytest.raises(Misconfigured):
        await connect(in_cluster=True)
