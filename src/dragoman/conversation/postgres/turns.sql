-- Turns: how they begin, hold their lease, and end.  Each function is one transaction, made in one round trip.
--
-- Rule: the conversation's row is locked before a branch's, and the clock is read behind the locks.  So what a function
-- sees holds until it ends, and no two wait for each other.
--
-- What is called from outside plans without scans of whole tables: a plan is kept by its session, and a table that was
-- small when it was made may have grown.

-- Seconds since 1970, by the clock of the server.
CREATE OR REPLACE FUNCTION dragoman_now() RETURNS double precision LANGUAGE sql VOLATILE AS $f$
  SELECT extract(epoch FROM clock_timestamp())::double precision
$f$;

-- What the fences of a conversation's branches begin behind: its epoch is by chance, so a lease of one that had the name
-- before is none of this one.
CREATE OR REPLACE FUNCTION dragoman_fence(_epoch bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $f$
  SELECT _epoch % 1099511627776
$f$;

-- Delete all of a conversation whose row is locked.  The branches go first: whoever emits holds one of them.
CREATE OR REPLACE FUNCTION dragoman_conversation_delete(_conversation uuid, OUT nodes bigint, OUT turns bigint)
  LANGUAGE plpgsql AS $f$
BEGIN
  DELETE FROM dragoman_branch WHERE conversation = _conversation;
  DELETE FROM dragoman_turn WHERE conversation = _conversation;
  GET DIAGNOSTICS turns = ROW_COUNT;
  DELETE FROM dragoman_piece WHERE conversation = _conversation;
  DELETE FROM dragoman_node WHERE conversation = _conversation;
  GET DIAGNOSTICS nodes = ROW_COUNT;
  DELETE FROM dragoman_segment WHERE conversation = _conversation;
  DELETE FROM dragoman_waiter WHERE conversation = _conversation;
  DELETE FROM dragoman_conversation WHERE conversation = _conversation;
END $f$;

-- Lock a conversation, made if there is none; one whose time is over is deleted first.
CREATE OR REPLACE FUNCTION dragoman_conversation_hold(_conversation uuid, _tenant text, _owner text, _name text,
  _keep double precision, _seal bytea) RETURNS dragoman_conversation LANGUAGE plpgsql AS $f$
DECLARE
  _c dragoman_conversation;
  _now double precision;
BEGIN
  LOOP
    SELECT * INTO _c FROM dragoman_conversation WHERE conversation = _conversation FOR UPDATE;
    IF FOUND THEN
      IF _c.expires IS NULL OR _c.expires > dragoman_now() THEN
        _c.keep := coalesce(_keep, _c.keep);
        RETURN _c;
      END IF;
      PERFORM dragoman_conversation_delete(_conversation);
    END IF;
    _now := dragoman_now();
    -- The epoch is by chance, so that one that was erased and begun again is not taken for the old one.
    INSERT INTO dragoman_conversation VALUES (_conversation, _tenant, _owner, _name,
      1 + floor(random() * 4503599627370496)::bigint, _now, _now, coalesce(_keep, 0), _now + nullif(_keep, 0), _seal,
      0, 0, 0) ON CONFLICT DO NOTHING RETURNING * INTO _c;
    IF FOUND THEN
      RETURN _c;
    END IF; -- another has made it at this moment
  END LOOP;
END $f$;

-- It has changed, and is kept from now on as long as it is.
CREATE OR REPLACE FUNCTION dragoman_conversation_touch(_conversation uuid, _keep double precision,
  _now double precision, _turns bigint) RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
  UPDATE dragoman_conversation SET changed = _now, keep = _keep, expires = _now + nullif(_keep, 0),
    turns = turns + _turns WHERE conversation = _conversation;
END $f$;

-- Whoever had the lease before has it no more.
CREATE OR REPLACE FUNCTION dragoman_turn_interrupt(_conversation uuid, _key text, _now double precision)
  RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
  IF _key IS NOT NULL THEN
    UPDATE dragoman_turn SET state = 'interrupted', ended = _now
      WHERE conversation = _conversation AND key = _key AND state = 'running';
  END IF;
END $f$;

-- Keep a place in the line, or take the last.
CREATE OR REPLACE FUNCTION dragoman_turn_wait(_conversation uuid, _branch text, _ticket bigint, _now double precision)
  RETURNS bigint LANGUAGE plpgsql AS $f$
DECLARE
  _until double precision;
BEGIN
  IF _ticket IS NOT NULL THEN
    SELECT until INTO _until FROM dragoman_waiter WHERE conversation = _conversation AND ticket = _ticket;
    IF FOUND THEN
      IF _until < _now + 1 THEN -- not each time: what writes nothing need not be synced
        UPDATE dragoman_waiter SET until = _now + 2 WHERE conversation = _conversation AND ticket = _ticket;
      END IF;
      RETURN _ticket;
    END IF;
  END IF;
  DELETE FROM dragoman_waiter WHERE conversation = _conversation AND branch = _branch AND until <= _now;
  UPDATE dragoman_conversation SET tickets = tickets + 1 WHERE conversation = _conversation
    RETURNING tickets INTO _ticket;
  INSERT INTO dragoman_waiter VALUES (_conversation, _ticket, _branch, _now + 2);
  RETURN _ticket;
END $f$;

-- Whether one who asks again must go on waiting: seen without a lock, so that a long line costs no writes.
CREATE OR REPLACE FUNCTION dragoman_turn_waits(_conversation uuid, _key text, _branch text, _ticket bigint, _seal bytea)
  RETURNS json LANGUAGE plpgsql STABLE AS $f$
DECLARE
  _now double precision := dragoman_now();
  _head json;
BEGIN
  SELECT json_build_object('outcome', 'busy', 'key', b.turn, 'seconds', b.until - _now, 'ticket', _ticket) INTO _head
    FROM dragoman_conversation c
    JOIN dragoman_branch b ON b.conversation = c.conversation AND b.name = _branch
    JOIN dragoman_waiter w ON w.conversation = c.conversation AND w.ticket = _ticket
    WHERE c.conversation = _conversation AND c.seal = _seal AND (c.expires IS NULL OR c.expires > _now)
      AND b.turn IS NOT NULL AND b.until > _now AND w.until >= _now + 1 AND w.branch = _branch
      AND NOT EXISTS (SELECT FROM dragoman_turn t WHERE t.conversation = _conversation AND t.key = _key);
  RETURN _head;
END $f$;

-- See `Store.begin`.  The first row has the head, and the answer of a turn that is done; then come the nodes.
CREATE OR REPLACE FUNCTION dragoman_turn_begin(_conversation uuid, _tenant text, _owner text, _name text, _branch text,
  _key text, _input bytea, _digest bytea, _ttl double precision, _known_epoch bigint, _known_segment integer,
  _known_depth integer, _base_segment integer, _base_depth integer, _interrupt boolean, _wait boolean, _ticket bigint,
  _keep double precision, _seal bytea, _retake boolean)
  RETURNS TABLE (head json, sealed bytea, segment integer, depth integer, turn text, kind text, weight integer, id text,
    body bytea) LANGUAGE plpgsql
  SET enable_seqscan = off AS $f$
#variable_conflict use_column
DECLARE
  _c dragoman_conversation;
  _t dragoman_turn;
  _b dragoman_branch;
  _now double precision;
  _running boolean;
  _first bigint;
  _again boolean;
  _head json;
  _after integer;
BEGIN
  IF _ticket IS NOT NULL AND _wait AND NOT _interrupt THEN
    _head := dragoman_turn_waits(_conversation, _key, _branch, _ticket, _seal);
    IF _head IS NOT NULL THEN
      RETURN QUERY SELECT _head, NULL::bytea, 0, 0, '', '', 0, '', NULL::bytea;
      RETURN;
    END IF;
  END IF;

  _c := dragoman_conversation_hold(_conversation, _tenant, _owner, _name, _keep, _seal);
  IF _c.seal <> _seal THEN
    _head := json_build_object('outcome', 'locked');
    RETURN QUERY SELECT _head, _c.seal, 0, 0, '', '', 0, '', NULL::bytea;
    RETURN;
  END IF;
  SELECT * INTO _t FROM dragoman_turn t WHERE t.conversation = _conversation AND t.key = _key;
  _again := FOUND;
  IF _again AND _t.digest <> _digest THEN
    _head := json_build_object('outcome', 'reused');
    RETURN QUERY SELECT _head, NULL::bytea, 0, 0, '', '', 0, '', NULL::bytea;
    RETURN;
  END IF;
  IF _again AND _t.state = 'done' THEN
    DELETE FROM dragoman_waiter w WHERE w.conversation = _conversation AND w.ticket = _ticket;
    _head := json_build_object('outcome', 'done', 'epoch', _c.epoch, 'version', 0, 'suffix', false,
      'leaf', json_build_array(_t.leaf_segment, _t.leaf_depth),
      'base', json_build_array(_t.base_segment, _t.base_depth));
    RETURN QUERY SELECT _head, _c.seal, 0, 0, '', '', 0, '', _t.answer;
    RETURN QUERY SELECT NULL::json, NULL::bytea, p.*
      FROM dragoman_path(_conversation, _t.leaf_segment, _t.leaf_depth, 0) p;
    RETURN;
  END IF;
  IF _again THEN -- what was begun goes on where it was begun
    _branch := _t.branch;
  END IF;

  SELECT * INTO _b FROM dragoman_branch b WHERE b.conversation = _conversation AND b.name = _branch FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO dragoman_branch VALUES (_conversation, _branch, 0, 0, 0, dragoman_fence(_c.epoch), NULL, 0)
      RETURNING * INTO _b;
  END IF;
  _now := dragoman_now();
  _running := _b.turn IS NOT NULL AND _b.until > _now;
  IF NOT (CASE WHEN _running AND _b.turn = _key THEN _retake ELSE _interrupt END) THEN
    SELECT min(w.ticket) INTO _first FROM dragoman_waiter w
      WHERE w.conversation = _conversation AND w.branch = _branch AND w.until > _now;
    IF _running OR (_first IS NOT NULL AND _first IS DISTINCT FROM _ticket) THEN
      PERFORM set_config('synchronous_commit', 'off', true); -- for this transaction: a place in the line may be lost
      _ticket := CASE WHEN _wait THEN dragoman_turn_wait(_conversation, _branch, _ticket, _now) END;
      _head := json_build_object('outcome', 'busy', 'key', CASE WHEN _running THEN _b.turn END,
        'seconds', CASE WHEN _running THEN _b.until - _now ELSE 0 END, 'ticket', _ticket);
      RETURN QUERY SELECT _head, NULL::bytea, 0, 0, '', '', 0, '', NULL::bytea;
      RETURN;
    END IF;
  END IF;
  IF _ticket IS NOT NULL THEN
    DELETE FROM dragoman_waiter w WHERE w.conversation = _conversation AND w.ticket = _ticket;
  END IF;

  PERFORM dragoman_turn_interrupt(_conversation, _b.turn, _now);
  PERFORM dragoman_conversation_touch(_conversation, _c.keep, _now, CASE WHEN _again THEN 0 ELSE 1 END);
  -- The pieces of the answer before are not needed any more: whoever followed it reads the whole.
  UPDATE dragoman_turn t SET pieces = false WHERE t.conversation = _conversation AND t.pieces
    AND t.key = (SELECT n.turn FROM dragoman_node n
      WHERE n.conversation = _conversation AND n.segment = _b.segment AND n.depth = _b.depth) RETURNING t.* INTO _t;
  IF FOUND THEN
    DELETE FROM dragoman_piece p WHERE p.conversation = _conversation AND p.turn = _t.key;
  END IF;
  _base_segment := coalesce(_base_segment, _b.segment);
  _base_depth := coalesce(_base_depth, _b.depth);
  IF _again THEN
    UPDATE dragoman_turn t SET branch = _branch, digest = _digest, state = 'running', fence = _b.fence + 1,
      base_segment = _base_segment, base_depth = _base_depth, input = _input, error = NULL, begun = _now, ended = NULL
      WHERE t.conversation = _conversation AND t.key = _key;
    DELETE FROM dragoman_piece p WHERE p.conversation = _conversation AND p.turn = _key;
  ELSE
    INSERT INTO dragoman_turn VALUES (_conversation, _key, _c.turns + 1, _branch, _digest, 'running', _b.fence + 1,
      _base_segment, _base_depth, NULL, NULL, _input, NULL, NULL, _now, NULL, false);
  END IF;
  UPDATE dragoman_branch b SET version = _b.version + 1, fence = _b.fence + 1, turn = _key, until = _now + _ttl
    WHERE b.conversation = _conversation AND b.name = _branch;

  _after := CASE WHEN _known_epoch = _c.epoch
    THEN dragoman_known(_conversation, _base_segment, _base_depth, _known_segment, _known_depth) END;
  _head := json_build_object('outcome', 'go', 'branch', _branch, 'fence', _b.fence + 1, 'epoch', _c.epoch,
    'version', _b.version + 1, 'suffix', _after IS NOT NULL, 'leaf', json_build_array(_base_segment, _base_depth));
  RETURN QUERY SELECT _head, _c.seal, 0, 0, '', '', 0, '', NULL::bytea;
  IF _base_depth > coalesce(_after, 0) THEN
    RETURN QUERY SELECT NULL::json, NULL::bytea, p.*
      FROM dragoman_path(_conversation, _base_segment, _base_depth, coalesce(_after, 0)) p;
  END IF;
END $f$;

-- Hold the lease of a turn for some seconds more, if it has it.  Locks nothing but its branch.
CREATE OR REPLACE FUNCTION dragoman_turn_hold(_conversation uuid, _key text, _fence bigint, _ttl double precision)
  RETURNS boolean LANGUAGE plpgsql AS $f$
BEGIN
  UPDATE dragoman_branch b SET until = dragoman_now() + _ttl FROM dragoman_conversation c, dragoman_turn t
    WHERE c.conversation = _conversation AND (c.expires IS NULL OR c.expires > dragoman_now())
      AND t.conversation = _conversation AND t.key = _key AND t.state = 'running' AND t.fence = _fence
      AND b.conversation = _conversation AND b.name = t.branch AND b.turn = _key AND b.fence = _fence;
  RETURN FOUND;
END $f$;

-- See `Store.renew`.
CREATE OR REPLACE FUNCTION dragoman_turn_renew(_conversation uuid, _key text, _fence bigint, _ttl double precision)
  RETURNS boolean LANGUAGE plpgsql
  SET enable_seqscan = off AS $f$
BEGIN
  -- Not waited for: after a crash of the server the lease ends sooner, which is safe.
  PERFORM set_config('synchronous_commit', 'off', true);
  RETURN dragoman_turn_hold(_conversation, _key, _fence, _ttl);
END $f$;

-- Keep pieces of a turn; one that is there already is replaced.
CREATE OR REPLACE FUNCTION dragoman_turn_keep(_conversation uuid, _key text, _seqs integer[], _events bytea[])
  RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
  INSERT INTO dragoman_piece SELECT _conversation, _key, u.seq, u.events FROM unnest(_seqs, _events) u (seq, events)
    ON CONFLICT (conversation, turn, seq) DO UPDATE SET events = excluded.events;
END $f$;

-- See `Store.emit`.  It is waited for: else a crash might leave a hole between pieces.
CREATE OR REPLACE FUNCTION dragoman_turn_emit(_conversation uuid, _key text, _fence bigint, _seq integer, _events bytea,
  _ttl double precision) RETURNS boolean LANGUAGE plpgsql
  SET enable_seqscan = off AS $f$
BEGIN
  IF dragoman_turn_hold(_conversation, _key, _fence, _ttl) THEN
    PERFORM dragoman_turn_keep(_conversation, _key, ARRAY[_seq], ARRAY[_events]);
    RETURN true;
  END IF;
  RETURN false;
END $f$;

-- See `Store.commit`.  No row if the lease is lost.
CREATE OR REPLACE FUNCTION dragoman_turn_commit(_conversation uuid, _key text, _fence bigint, _state text,
  _answer bytea, _error bytea, _kinds text[], _weights integer[], _ids text[], _bodies bytea[], _seqs integer[],
  _events bytea[]) RETURNS TABLE (segment integer, depth integer) LANGUAGE plpgsql
  SET enable_seqscan = off AS $f$
#variable_conflict use_column
DECLARE
  _c dragoman_conversation;
  _t dragoman_turn;
  _now double precision;
  _held boolean;
  _s integer;
  _d integer;
BEGIN
  SELECT * INTO _c FROM dragoman_conversation c WHERE c.conversation = _conversation FOR UPDATE;
  SELECT * INTO _t FROM dragoman_turn t WHERE t.conversation = _conversation AND t.key = _key;
  IF NOT FOUND OR _c.expires <= dragoman_now() OR _t.fence <> _fence THEN
    RETURN;
  END IF;
  PERFORM FROM dragoman_branch b WHERE b.conversation = _conversation AND b.name = _t.branch AND b.turn = _key
    AND b.fence = _fence FOR UPDATE;
  _held := FOUND AND _t.state = 'running';
  _now := dragoman_now();
  IF NOT _held THEN
    IF _t.state = _state THEN -- the same again, after one whose outcome was not known
      RETURN QUERY SELECT coalesce(_t.leaf_segment, _t.base_segment), coalesce(_t.leaf_depth, _t.base_depth);
    END IF;
    RETURN;
  END IF;

  SELECT h.segment, h.depth INTO _s, _d
    FROM dragoman_hang(_conversation, _t.base_segment, _t.base_depth, _key, _kinds, _weights, _ids, _bodies) h;
  PERFORM dragoman_turn_keep(_conversation, _key, _seqs, _events);
  IF _state = 'done' THEN
    UPDATE dragoman_turn t SET state = _state, leaf_segment = _s, leaf_depth = _d, input = NULL,
      answer = _answer, ended = _now,
      pieces = EXISTS (SELECT FROM dragoman_piece p WHERE p.conversation = _conversation AND p.turn = _key)
      WHERE t.conversation = _conversation AND t.key = _key;
  ELSE
    UPDATE dragoman_turn t SET state = _state, error = _error, ended = _now
      WHERE t.conversation = _conversation AND t.key = _key;
  END IF;
  UPDATE dragoman_branch b SET version = b.version + 1, turn = NULL, until = 0,
    segment = CASE WHEN _state = 'done' THEN _s ELSE b.segment END,
    depth = CASE WHEN _state = 'done' THEN _d ELSE b.depth END
    WHERE b.conversation = _conversation AND b.name = _t.branch;
  PERFORM dragoman_conversation_touch(_conversation, _c.keep, _now, 0);
  RETURN QUERY SELECT _s, _d;
END $f$;
