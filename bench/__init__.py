"""
What the operator costs: time, memory, processor, beside a plain HTTP loop on the same server.

Numbers of one machine say little, so each run measures its own baseline and the limits are ratios
wherever they can be. ``python -m bench`` runs it; docs/measurements.md tells what it means.
"""
