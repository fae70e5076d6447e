"""The `/v1/responses` endpoint: requests as input items, replies as the values of chat completions."""
