"""The only importer of the Kubernetes client: read, watch, apply and release. Decides no policy."""
