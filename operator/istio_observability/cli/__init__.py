"""The command ``istio-observability``."""
