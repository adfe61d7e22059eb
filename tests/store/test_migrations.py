"""The migrated schema is the schema that the tables describe."""

import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text
from sqlmodel import SQLModel

from store import migrations
from store.database import Database
from store.errors import DatabaseUnavailableError
from store.jobs import Jobs

from .builders import longest_due, new_job

ALEMBIC = "alembic_version"


def scripts():
    config = Config()
    config.set_main_option("script_location", migrations.__path__[0])
    return ScriptDirectory.from_config(config)


def make_from_metadata(connection):
    SQLModel.metadata.drop_all(connection)
    SQLModel.metadata.create_all(connection)


def difference(connection):
    # PostgreSQL compares no JSON; its defaults are compared as text, with the whole schema.
    options = {"compare_type": True, "compare_server_default": connection.dialect.name != "postgresql"}
    return compare_metadata(MigrationContext.configure(connection, opts=options), SQLModel.metadata)


def schema(connection):
    """All that the database says of its tables, whatever back end it is; text where types and conditions are."""
    inspector = inspect(connection)
    names = [name for name in inspector.get_table_names() if name != ALEMBIC]
    parts = ("columns", "pk_constraint", "foreign_keys", "unique_constraints", "check_constraints", "indexes")
    return {name: {part: as_text(getattr(inspector, f"get_{part}")(name)) for part in parts} for name in names}


def as_text(described):
    if isinstance(described, list):
        return sorted(as_text(each) for each in described)
    return str([(key, as_text(value) if isinstance(value, dict) else str(value)) for key, value in described.items()])


def sql_of(connection):
    """SQLite's own text of each table and index, with its clauses in an order of their own."""
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
    return {name: sorted(clauses(sql)) for name, sql in rows if name != ALEMBIC}


def clauses(sql):
    """The parts of a definition: a column that was added later stands behind the constraints."""
    head, _, inside = re.sub(r"\s+", " ", sql).partition("(")
    parts, depth = [""], 0
    for character in inside.rpartition(")")[0]:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [head.strip(), sql.rpartition(")")[2].strip(), *(part.strip() for part in parts)]


async def test_metadata_asks_for_no_further_migration(database):
    assert await database.write(difference) == []


async def test_migrated_schema_is_that_of_the_metadata(database):
    migrated = await database.read(schema)
    await database.write(make_from_metadata)
    assert migrated == await database.read(schema)
    assert set(migrated) == set(SQLModel.metadata.tables)


async def test_migrated_sql_is_that_of_the_metadata(sqlite_url, open_database):
    database = open_database(sqlite_url)
    migrated = await database.read(sql_of)
    await database.write(make_from_metadata)
    assert migrated == await database.read(sql_of)
    assert any("CONSTRAINT jobs_final_has_end CHECK" in clause for clause in migrated["jobs"])
    assert "WHERE finished_at IS NULL" in str(migrated["jobs_one_tracked"])


async def test_new_database_has_the_newest_revision(database):
    assert await database.revision() == scripts().get_current_head()


def test_history_of_migrations_has_one_line():
    assert len(scripts().get_heads()) == 1


async def test_opening_a_migrated_database_changes_nothing(database, database_url, open_database, jobs):
    await jobs.register(new_job())
    before = await database.read(schema), await database.revision(), await jobs.get(new_job().id)
    database.close()
    again = open_database(database_url)
    kept = Jobs(again, lambda *_: (), longest_due)
    assert (await again.read(schema), await again.revision(), await kept.get(new_job().id)) == before


async def test_opening_a_migrated_file_writes_nothing(sqlite_url, open_database, tmp_path):
    open_database(sqlite_url).close()
    before = (tmp_path / "tracker.db").read_bytes()
    open_database(sqlite_url).close()
    assert (tmp_path / "tracker.db").read_bytes() == before


async def test_database_of_a_newer_version_is_refused(database, database_url, open_database):
    await database.write(lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    database.close()
    with pytest.raises(DatabaseUnavailableError, match="9999"):
        open_database(database_url)


def test_failed_migration_leaves_nothing_of_itself(sqlite_url):
    engine = create_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE attempts (of_another_program TEXT)"))
    with pytest.raises(DatabaseUnavailableError, match="attempts already exists"):
        Database.open(sqlite_url)
    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["attempts"]
    engine.dispose()
