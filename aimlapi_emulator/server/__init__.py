"""The web server: its endpoints, what they refuse, and what they need to run."""
