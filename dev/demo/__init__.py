"""
``make demo``: the documented installation, wired by one resource, shown, and taken back.

Everything that is printed comes from what the API server holds; a claim that does not hold makes
the demo fail.
"""
