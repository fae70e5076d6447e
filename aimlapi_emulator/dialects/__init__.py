"""How each model family writes an answer: whole, as a stream, and with which fields."""
