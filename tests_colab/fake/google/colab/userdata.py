"""Secrets of the person's account: here there are none."""


class SecretNotFoundError(Exception):
    """Exception thrown if the requested secret doesn't exist."""

    def __init__(self, key):
        super().__init__(f"Secret {key} does not exist.")


class NotebookAccessError(Exception):
    """Exception thrown user has not granted notebook access to secret."""


def get(key):
    raise SecretNotFoundError(key)
