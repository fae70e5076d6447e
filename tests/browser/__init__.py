"""The inspector's page in a real browser. `make test-browser`."""
