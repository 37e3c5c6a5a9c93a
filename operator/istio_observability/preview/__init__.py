"""What a configuration would collect of an exposition, and what another one would. Pure."""
