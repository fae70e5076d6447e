"""HTTP: connections, timeouts, retries, the bytes of replies. Nothing here knows what a chat is."""
