"""Decisions: (resource, snapshot) -> Plan. Pure: no clock, no IO, no client, no logger."""
