"""Answers in the shape of a schema: what travels, and how an answer is read. Knows no framework."""
