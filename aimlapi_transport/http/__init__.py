"""HTTP: connection pool, sending, timeouts, retries, SSE, and the mapping of httpx's errors."""
