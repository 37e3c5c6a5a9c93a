"""Entry point of ``python -m istio_observability``: the command ``istio-observability``."""

from istio_observability.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
