"""The web page: the first client of our own API, rendered on the server."""
