"""What the DataKit agent understands: TOML documents and its conf.d layout. Knows no Kubernetes."""
