"""The error of a page that was asked and did not do it."""


class MessageError(Exception):
    """Thrown on error response from the notebook's page."""
