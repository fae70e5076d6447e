"""The `aimlapi` command: the provider's models, account and answers on a terminal. `pip install '...[cli]'`."""
