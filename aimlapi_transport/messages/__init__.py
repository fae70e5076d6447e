"""/v1/messages: Claude's own form, sent as it is given and read into the same values."""
