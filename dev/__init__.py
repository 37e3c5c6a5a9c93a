"""Tools for people who work on the operator; nothing here is part of the installed package."""
