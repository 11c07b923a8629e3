"""
A book in Postgres, which any number of hosts share.

Each operation is one statement: a function of ours, which does what `Book` does by the server's clock.  The functions
and tables are made when they are first missed; a role that may not make any is given them by one that may
(`INSTALL` is the statement).
"""

from __future__ import annotations

from typing import Any, Final

from dragoman.drivers.postgres import Postgres
from dragoman.errors import StoreError
from dragoman.policy.budget.book import KEEP, Ask, Reading
from dragoman.runtime import Runtime

# Undefined table, undefined function.
_MISSING: Final = ("42P01", "42883")

INSTALL: Final = f"""
DO $do$
BEGIN
PERFORM pg_advisory_xact_lock(hashtext('dragoman_budget'));
IF to_regprocedure('dragoman_budget_reset(text, bigint)') IS NOT NULL THEN
  RETURN;
END IF;
CREATE TABLE IF NOT EXISTS dragoman_budget (
  name text NOT NULL, seconds bigint NOT NULL, number bigint NOT NULL, spent bigint NOT NULL, reserved bigint NOT NULL,
  PRIMARY KEY (name, seconds));
CREATE TABLE IF NOT EXISTS dragoman_budget_hold (
  name text NOT NULL, seconds bigint NOT NULL, id text NOT NULL, held bigint NOT NULL, least bigint NOT NULL,
  charged bigint, due double precision NOT NULL, PRIMARY KEY (name, seconds, id));
CREATE INDEX IF NOT EXISTS dragoman_budget_due ON dragoman_budget_hold (name, seconds, due);

CREATE OR REPLACE FUNCTION dragoman_budget_turn(_name text, _seconds bigint, OUT _now double precision,
  OUT _renews double precision) LANGUAGE plpgsql AS $f$
DECLARE
  _number bigint;
  _known bigint;
  _hold record;
BEGIN
  INSERT INTO dragoman_budget VALUES (_name, _seconds, -1, 0, 0) ON CONFLICT DO NOTHING;
  SELECT number INTO _known FROM dragoman_budget WHERE name = _name AND seconds = _seconds FOR UPDATE;
  _now := extract(epoch FROM clock_timestamp());
  _number := CASE WHEN _seconds > 0 THEN floor(_now / _seconds) ELSE 0 END;
  IF _known < _number THEN
    UPDATE dragoman_budget SET number = _number, spent = 0, reserved = 0 WHERE name = _name AND seconds = _seconds;
    DELETE FROM dragoman_budget_hold WHERE name = _name AND seconds = _seconds;
    _known := _number;
  END IF;
  _renews := CASE WHEN _seconds > 0 THEN (_known + 1) * _seconds - _now END;
  FOR _hold IN SELECT * FROM dragoman_budget_hold WHERE name = _name AND seconds = _seconds AND due <= _now LOOP
    IF _hold.charged IS NOT NULL THEN
      DELETE FROM dragoman_budget_hold WHERE name = _name AND seconds = _seconds AND id = _hold.id;
    ELSE
      UPDATE dragoman_budget_hold SET held = 0, charged = least, due = due + {KEEP}
        WHERE name = _name AND seconds = _seconds AND id = _hold.id;
      UPDATE dragoman_budget SET reserved = reserved - _hold.held, spent = spent + _hold.least
        WHERE name = _name AND seconds = _seconds;
    END IF;
  END LOOP;
END $f$;

CREATE OR REPLACE FUNCTION dragoman_budget_reserve(_name text, _seconds bigint, _id text, _most bigint, _least bigint,
  _limit bigint, _ttl double precision)
  RETURNS TABLE (granted boolean, spent bigint, reserved bigint, renews double precision) LANGUAGE plpgsql AS $f$
DECLARE
  _turn record;
  _fits boolean := true;
BEGIN
  _turn := dragoman_budget_turn(_name, _seconds);
  IF NOT EXISTS (SELECT 1 FROM dragoman_budget_hold h WHERE h.name = _name AND h.seconds = _seconds AND h.id = _id) THEN
    UPDATE dragoman_budget b SET reserved = b.reserved + _most WHERE b.name = _name AND b.seconds = _seconds
      AND (_limit IS NULL OR b.spent + b.reserved + _most <= _limit);
    _fits := FOUND;
    IF _fits THEN
      INSERT INTO dragoman_budget_hold VALUES (_name, _seconds, _id, _most, _least, NULL, _turn._now + _ttl);
    END IF;
  END IF;
  RETURN QUERY SELECT _fits, b.spent, b.reserved, _turn._renews FROM dragoman_budget b
    WHERE b.name = _name AND b.seconds = _seconds;
END $f$;

CREATE OR REPLACE FUNCTION dragoman_budget_settle(_name text, _seconds bigint, _id text, _cost bigint)
  RETURNS void LANGUAGE plpgsql AS $f$
DECLARE
  _hold record;
  _turn record;
BEGIN
  _turn := dragoman_budget_turn(_name, _seconds);
  DELETE FROM dragoman_budget_hold WHERE name = _name AND seconds = _seconds AND id = _id RETURNING * INTO _hold;
  IF FOUND THEN
    UPDATE dragoman_budget
      SET reserved = reserved - _hold.held, spent = spent + coalesce(_cost, 0) - coalesce(_hold.charged, 0)
      WHERE name = _name AND seconds = _seconds;
  END IF;
  IF _cost IS NULL THEN
    INSERT INTO dragoman_budget_hold VALUES (_name, _seconds, _id, 0, 0, 0, _turn._now + {KEEP});
  END IF;
END $f$;

CREATE OR REPLACE FUNCTION dragoman_budget_read(_name text, _seconds bigint)
  RETURNS TABLE (granted boolean, spent bigint, reserved bigint, renews double precision) LANGUAGE plpgsql AS $f$
DECLARE
  _turn record;
BEGIN
  _turn := dragoman_budget_turn(_name, _seconds);
  RETURN QUERY SELECT true, b.spent, b.reserved, _turn._renews FROM dragoman_budget b
    WHERE b.name = _name AND b.seconds = _seconds;
END $f$;

CREATE OR REPLACE FUNCTION dragoman_budget_reset(_name text, _seconds bigint) RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
  PERFORM dragoman_budget_turn(_name, _seconds);
  UPDATE dragoman_budget SET spent = 0 WHERE name = _name AND seconds = _seconds;
  DELETE FROM dragoman_budget_hold WHERE name = _name AND seconds = _seconds AND charged IS NOT NULL;
END $f$;
END $do$
"""

_RESERVE: Final = "SELECT * FROM dragoman_budget_reserve(%s, %s, %s, %s, %s, %s, %s)"
_SETTLE: Final = "SELECT dragoman_budget_settle(%s, %s, %s, %s)"
_READ: Final = "SELECT * FROM dragoman_budget_read(%s, %s)"
_RESET: Final = "SELECT dragoman_budget_reset(%s, %s)"


class PostgresLedger:
    """
    Keeps one book in a database.

    Args:
        db: The database.
        name: Of the book.
        seconds: Length of a window; None for one that never ends.
    """

    instant = False

    def __init__(self, db: Postgres, name: str, seconds: int | None) -> None:
        self.place = db.place
        self._db = db
        self._book = (name, seconds or 0)

    async def reserve(self, runtime: Runtime, ask: Ask, until: float | None) -> Reading:
        return self._reading(
            await self._run(runtime, _RESERVE, (ask.id, ask.most, ask.least, ask.limit, ask.ttl), until)
        )

    async def settle(self, runtime: Runtime, id: str, cost: int | None, until: float | None) -> None:
        await self._run(runtime, _SETTLE, (id, cost), until)

    def settle_now(self, id: str, cost: int | None) -> None:
        raise NotImplementedError("a server has to be waited for")

    async def read(self, runtime: Runtime, until: float | None) -> Reading:
        return self._reading(await self._run(runtime, _READ, (), until))

    async def reset(self, runtime: Runtime, until: float | None) -> None:
        await self._run(runtime, _RESET, (), until)

    def close(self) -> None:
        self._db.close()

    async def aclose(self) -> None:
        await self._db.aclose()

    async def _run(self, runtime: Runtime, sql: str, args: tuple[Any, ...], until: float | None) -> Any:
        params = (*self._book, *args)
        try:
            return await self._db.run(runtime, sql, params, until)
        except StoreError as error:
            if error.code not in _MISSING:
                raise
        await self._db.run(runtime, INSTALL, (), until)
        return await self._db.run(runtime, sql, params, until)

    def _reading(self, rows: Any) -> Reading:
        granted, spent, reserved, renews = rows[0]
        return Reading(granted, spent, reserved, renews)
