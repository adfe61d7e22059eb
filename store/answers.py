"""What calls were answered with, for those who repeat them under the same idempotency key."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select
from sqlalchemy.exc import IntegrityError

from store.errors import StoreError
from store.old_rows import delete_free
from store.records import KeptAnswer
from store.tables import ANSWERS
from store.timing import timed

if TYPE_CHECKING:
    from datetime import datetime

    from store.database import Database
    from store.timing import Spent

KEPT_FOR = timedelta(hours=24)
_NAME = (ANSWERS.c.caller, ANSWERS.c.key)


class AlreadyAnsweredError(StoreError):
    """The same caller's key was answered meanwhile; nothing of this write was done."""


class Answers:
    """The answers that one database keeps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, caller: str, key: str, now: datetime) -> KeptAnswer | None:
        """The answer that this caller was given under this key, if it is still kept."""
        mine = (ANSWERS.c.caller == caller, ANSWERS.c.key == key, ANSWERS.c.answered_at > now - KEPT_FOR)
        row = await self._database.read(
            lambda connection: connection.execute(select(ANSWERS).where(*mine)).mappings().first()
        )
        return KeptAnswer(**row) if row else None

    async def keep(self, answer: KeptAnswer) -> None:
        """Keeps an answer whose call has been carried out. Raises AlreadyAnsweredError."""
        await self._database.write(lambda connection: keep_answer(connection, answer))

    async def forget(self, now: datetime, limit: int, spent: Spent | None = None) -> int:
        """Deletes up to `limit` answers that have been kept long enough, and counts them."""
        old = select(*_NAME).where(ANSWERS.c.answered_at <= now - KEPT_FOR).order_by(ANSWERS.c.answered_at).limit(limit)
        return await self._database.write(timed(lambda connection: delete_free(connection, ANSWERS, old), spent))


def keep_answer(connection: Connection, answer: KeptAnswer | None) -> None:
    """Keeps an answer in the transaction of what it tells of, if there is one. Raises AlreadyAnsweredError."""
    if answer is None:
        return
    expired = (ANSWERS.c.caller == answer.caller, ANSWERS.c.key == answer.key)
    connection.execute(delete(ANSWERS).where(*expired, ANSWERS.c.answered_at <= answer.answered_at - KEPT_FOR))
    try:
        connection.execute(insert(ANSWERS), asdict(answer))
    except IntegrityError as error:
        message = f"The key {answer.key!r} was answered meanwhile."
        raise AlreadyAnsweredError(message) from error
