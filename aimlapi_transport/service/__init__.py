"""The provider's service endpoints: catalogue and speed of the models, balance, usage, logs and keys of an account."""
