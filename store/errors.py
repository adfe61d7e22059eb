"""The root of the store's errors."""


class StoreError(Exception):
    """Something that the store cannot do; the message says what to do about it."""
