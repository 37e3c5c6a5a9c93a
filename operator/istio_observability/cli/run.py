"""``istio-observability run``: the operator itself."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from typing import TYPE_CHECKING, Any

from istio_observability.cli.usage import UsageError
from istio_observability.control.metrics import Metrics
from istio_observability.control.process import CannotListen, run_operator
from istio_observability.control.settings import Settings
from istio_observability.kube.connection import connect, read_credentials
from istio_observability.kube.errors import ApiError
from istio_observability.kube.transport import ClientOptions

if TYPE_CHECKING:
    import argparse


def add_run(commands: Any, cluster: argparse.ArgumentParser) -> None:  # noqa: ANN401
    """Add the command to the parser."""
    parser = commands.add_parser(
        "run",
        parents=[cluster],
        help="run the operator",
        description="Run the operator until SIGTERM. Inside a pod the ServiceAccount is used.",
    )
    parser.add_argument(
        "--datakit-namespace",
        action="append",
        metavar="NAMESPACE",
        help="namespace that a resource may name for the agent; repeatable (default: datakit)",
    )
    parser.add_argument(
        "--istio-namespace",
        action="append",
        metavar="NAMESPACE",
        help="namespace that a resource may name for Istio; repeatable (default: istio-system)",
    )
    parser.add_argument(
        "--listen",
        default="0.0.0.0:8080",
        metavar="HOST:PORT",
        help="address of /healthz, /readyz and /metrics; empty for none (default: %(default)s)",
    )
    parser.add_argument(
        "--log-level",
        default="info",
        choices=("debug", "info", "warning", "error"),
        help="what is logged (default: %(default)s)",
    )
    parser.set_defaults(command=run)


def run(options: argparse.Namespace) -> int:
    """Run the operator; returns when it has been told to stop."""
    logging.basicConfig(
        level=options.log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        stream=sys.stderr,
    )
    # Kopf prints whole objects at its debug level.
    logging.getLogger("kopf").setLevel(logging.WARNING)
    try:
        asyncio.run(_run(options))
    except* ApiError as errors:
        raise UsageError(str(errors.exceptions[0])) from errors
    except* CannotListen as errors:
        raise UsageError(f"--listen {options.listen}: {errors.exceptions[0]}") from errors
    except* OSError as errors:
        what = type(errors.exceptions[0]).__name__
        raise UsageError(f"the API server cannot be reached any more ({what})") from errors
    return 0


async def _run(options: argparse.Namespace) -> None:
    defaults = Settings()
    settings = Settings(
        datakit_namespaces=frozenset(options.datakit_namespace or defaults.datakit_namespaces),
        istio_namespaces=frozenset(options.istio_namespace or defaults.istio_namespaces),
        instance=os.environ.get("POD_NAME") or socket.gethostname(),
    )
    metrics = Metrics()
    api = await connect(
        options.kubeconfig,
        options.context,
        options=ClientOptions(pool_size=settings.workers, observer=metrics.requested),
    )
    async with api:
        await run_operator(
            api,
            settings,
            metrics,
            login=lambda: read_credentials(options.kubeconfig, options.context),
            listen=_address(options.listen),
        )


def _address(text: str) -> tuple[str, int] | None:
    if not text:
        return None
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise UsageError(f'--listen: "{text}" is no HOST:PORT; use 127.0.0.1:8080, say')
    return host or "0.0.0.0", int(port)  # noqa: S104 - as the flag says
