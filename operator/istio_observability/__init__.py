"""Kubernetes operator that wires an Istio mesh into the DataKit observability agent."""

__version__ = "0.1.0"
