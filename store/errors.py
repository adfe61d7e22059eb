"""The store's errors."""


class StoreError(Exception):
    """Something that the store cannot do; the message says what to do about it."""


class DatabaseUnavailableError(StoreError):
    """The database cannot be opened: a wrong URL, a missing folder, a server that does not answer."""


class DatabaseAwayError(StoreError):
    """The database was opened and cannot be reached now. What was asked may be asked again: it was not half done."""
