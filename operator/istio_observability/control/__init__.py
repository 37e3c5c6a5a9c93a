"""The running operator: Kopf, inventory, work queue, passes, status, events, metrics."""
