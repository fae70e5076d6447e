"""Hosts, model families and settings: facts as tables. Pure: no I/O."""
