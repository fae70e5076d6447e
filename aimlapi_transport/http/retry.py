"""The path that guides named for `RetryPolicy`; it is in `config.retry`."""

from aimlapi_transport.config.retry import RetryBudget as RetryBudget
from aimlapi_transport.config.retry import RetryPolicy as RetryPolicy
