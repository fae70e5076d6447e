"""/v1/chat/completions: what is sent, and what comes back. Pure: no I/O."""
