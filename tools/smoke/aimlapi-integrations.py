"""Without an extra, it brings the transport."""

from aimlapi_transport import Client, __version__

Client()
print(__version__)
