"""The HTTP server of a run: its API, and the page that it serves."""
