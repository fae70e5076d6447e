"""What a model answers: read from the request alone, the same on every machine."""
