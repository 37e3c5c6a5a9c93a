"""Command line of ``make try``: ``python -m dev.try_it [-f FILE] [--from DIR]``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dev.account import Account
from dev.try_it.show import RECORDED, RESOURCE, show_wish
from istio_observability.cli.usage import UsageError


def main(arguments: list[str] | None = None) -> int:
    """Show what a resource would change and return 0, or 1 with the reason."""
    parser = argparse.ArgumentParser(
        prog="python -m dev.try_it",
        description="Show what one resource would change on a recorded cluster. No cluster, no Go.",
    )
    parser.add_argument("-f", "--filename", type=Path, metavar="FILE", help="another resource")
    parser.add_argument(
        "--from", dest="directory", type=Path, metavar="DIR", help="other recorded manifests"
    )
    options = parser.parse_args(arguments)
    # Relative to where the caller stands; the defaults are relative to the repository.
    resource = options.filename.resolve() if options.filename else RESOURCE
    recorded = options.directory.resolve() if options.directory else RECORDED
    try:
        show_wish(Account(), resource, recorded)
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
