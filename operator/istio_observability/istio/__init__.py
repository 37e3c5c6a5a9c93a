"""What the mesh is: metrics, views, sidecars, mesh config. Knows no Kubernetes client."""
