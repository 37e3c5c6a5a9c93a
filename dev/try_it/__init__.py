"""``make try``: what one resource would change, shown on recorded manifests in a second."""
