"""Replies spoilt on request: one table of faults, one module for each kind."""
