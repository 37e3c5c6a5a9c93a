"""Stages for the command line: manifests on disk and small resources."""

from __future__ import annotations

from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

MESH = """\
apiVersion: istio-observability.dev/v1alpha1
kind: IstioObservability
metadata: {name: mesh}
spec:
  workloads: {namespaces: [prod]}
  injection: {namespaces: [prod]}
"""


@pytest.fixture
def mesh_file(tmp_path):
    """A file with the smallest resource that wires bookinfo."""
    path = tmp_path / "mesh.yaml"
    path.write_text(MESH)
    return path


@pytest.fixture
def manifests():
    """The directory of DataKit's and bookinfo's manifests."""
    return REPOSITORY / "dev" / "manifests"
