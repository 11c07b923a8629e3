-- Conversations: the tree, and what is no turn.
--
-- Rule: what only reads is STABLE, and so sees one moment, whatever is written beside it.

-- The segments of a path, from its end, each with the depth up to which it is on it.
CREATE OR REPLACE FUNCTION dragoman_runs(_conversation uuid, _segment integer, _depth integer)
  RETURNS TABLE (segment integer, depth integer) LANGUAGE sql STABLE AS $f$
  WITH RECURSIVE run (segment, depth) AS (
    SELECT _segment, _depth
    UNION ALL
    SELECT s.parent, s.depth FROM run
      JOIN dragoman_segment s ON s.conversation = _conversation AND s.number = run.segment WHERE run.segment > 0)
  SELECT run.segment, run.depth FROM run
$f$;

-- The depth up to which a caller has a path; NULL if the place that it knows is not on it.
CREATE OR REPLACE FUNCTION dragoman_known(_conversation uuid, _segment integer, _depth integer, _known_segment integer,
  _known_depth integer) RETURNS integer LANGUAGE plpgsql STABLE AS $f$
BEGIN
  IF _known_segment = _segment THEN
    RETURN CASE WHEN _known_depth <= _depth THEN _known_depth END;
  ELSIF _segment = 0 THEN
    RETURN NULL;
  END IF;
  RETURN (SELECT _known_depth FROM dragoman_runs(_conversation, _segment, _depth) r
    WHERE r.segment = _known_segment AND _known_depth <= r.depth);
END $f$;

-- The nodes of a path behind a depth, in order.
CREATE OR REPLACE FUNCTION dragoman_path(_conversation uuid, _segment integer, _depth integer, _after integer)
  RETURNS TABLE (segment integer, depth integer, turn text, kind text, weight integer, id text, body bytea)
  LANGUAGE plpgsql STABLE AS $f$
#variable_conflict use_column
BEGIN
  IF _segment = 0 THEN
    RETURN QUERY SELECT n.segment, n.depth, n.turn, n.kind, n.weight, n.id, n.body FROM dragoman_node n
      WHERE n.conversation = _conversation AND n.segment = 0 AND n.depth > _after AND n.depth <= _depth
      ORDER BY n.depth;
    RETURN;
  END IF;
  RETURN QUERY SELECT n.segment, n.depth, n.turn, n.kind, n.weight, n.id, n.body
    FROM dragoman_runs(_conversation, _segment, _depth) r
    JOIN dragoman_node n ON n.conversation = _conversation AND n.segment = r.segment
      AND n.depth > _after AND n.depth <= r.depth ORDER BY n.depth;
END $f$;

-- Hang nodes under a place: in its segment if nothing follows it there, else in a new one.  Returns the last.
CREATE OR REPLACE FUNCTION dragoman_hang(_conversation uuid, INOUT segment integer, INOUT depth integer, _key text,
  _kinds text[], _weights integer[], _ids text[], _bodies bytea[]) LANGUAGE plpgsql AS $f$
#variable_conflict use_column
DECLARE
  _segment integer := segment;
  _depth integer := depth;
  _count integer := cardinality(_kinds);
  _new integer;
BEGIN
  IF _count = 0 THEN
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM dragoman_node n
      WHERE n.conversation = _conversation AND n.segment = _segment AND n.depth = _depth + 1) THEN
    UPDATE dragoman_conversation c SET segments = c.segments + 1 WHERE c.conversation = _conversation
      RETURNING c.segments INTO _new;
    INSERT INTO dragoman_segment VALUES (_conversation, _new, _segment, _depth);
    _segment := _new;
  END IF;
  INSERT INTO dragoman_node
    SELECT _conversation, _segment, _depth + u.number::integer, u.kind, u.weight, _key, u.id, u.body
    FROM unnest(_kinds, _weights, _ids, _bodies) WITH ORDINALITY u (kind, weight, id, body, number);
  segment := _segment;
  depth := _depth + _count;
END $f$;

-- See `Store.read`.  No row if there is no such branch; else the head comes first, then the nodes.
CREATE OR REPLACE FUNCTION dragoman_conversation_read(_conversation uuid, _branch text, _known_epoch bigint,
  _known_segment integer, _known_depth integer)
  RETURNS TABLE (head json, sealed bytea, segment integer, depth integer, turn text, kind text, weight integer, id text,
    body bytea) LANGUAGE plpgsql STABLE
  SET enable_seqscan = off AS $f$
#variable_conflict use_column
DECLARE
  _c record;
  _after integer;
  _head json;
BEGIN
  SELECT c.epoch, c.seal, b.version, b.segment, b.depth INTO _c FROM dragoman_conversation c
    JOIN dragoman_branch b ON b.conversation = c.conversation AND b.name = _branch
    WHERE c.conversation = _conversation AND (c.expires IS NULL OR c.expires > dragoman_now());
  IF NOT FOUND THEN
    RETURN;
  END IF;
  _after := CASE WHEN _known_epoch = _c.epoch
    THEN dragoman_known(_conversation, _c.segment, _c.depth, _known_segment, _known_depth) END;
  _head := json_build_object('epoch', _c.epoch, 'version', _c.version, 'suffix', _after IS NOT NULL,
    'leaf', json_build_array(_c.segment, _c.depth));
  RETURN QUERY SELECT _head, _c.seal, 0, 0, '', '', 0, '', NULL::bytea;
  IF _c.depth > coalesce(_after, 0) THEN
    RETURN QUERY SELECT NULL::json, NULL::bytea, p.*
      FROM dragoman_path(_conversation, _c.segment, _c.depth, coalesce(_after, 0)) p;
  END IF;
END $f$;

-- See `Store.append`.  The outcome is done, locked or changed.
CREATE OR REPLACE FUNCTION dragoman_conversation_append(_conversation uuid, _tenant text, _owner text, _name text,
  _branch text, _expect bigint, _segment integer, _depth integer, _keep double precision, _seal bytea, _kinds text[],
  _weights integer[], _ids text[], _bodies bytea[])
  RETURNS TABLE (outcome text, sealed bytea, segment integer, depth integer) LANGUAGE plpgsql
  SET enable_seqscan = off AS $f$
#variable_conflict use_column
DECLARE
  _c dragoman_conversation;
  _b dragoman_branch;
  _now double precision;
BEGIN
  _c := dragoman_conversation_hold(_conversation, _tenant, _owner, _name, _keep, _seal);
  IF _c.seal <> _seal THEN
    RETURN QUERY SELECT 'locked', _c.seal, 0, 0;
    RETURN;
  END IF;
  SELECT * INTO _b FROM dragoman_branch b WHERE b.conversation = _conversation AND b.name = _branch FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO dragoman_branch VALUES (_conversation, _branch, 0, 0, 0, dragoman_fence(_c.epoch), NULL, 0)
      RETURNING * INTO _b;
  END IF;
  _now := dragoman_now();
  IF _b.version <> _expect OR (_b.turn IS NOT NULL AND _b.until > _now) THEN
    RETURN QUERY SELECT 'changed', NULL::bytea, 0, 0;
    RETURN;
  END IF;
  PERFORM dragoman_turn_interrupt(_conversation, _b.turn, _now);
  SELECT h.segment, h.depth INTO _segment, _depth
    FROM dragoman_hang(_conversation, _segment, _depth, NULL, _kinds, _weights, _ids, _bodies) h;
  UPDATE dragoman_branch b SET version = _b.version + 1, fence = _b.fence + 1, turn = NULL, until = 0,
    segment = _segment, depth = _depth WHERE b.conversation = _conversation AND b.name = _branch;
  PERFORM dragoman_conversation_touch(_conversation, _c.keep, _now, 0);
  RETURN QUERY SELECT 'done', NULL::bytea, _segment, _depth;
END $f$;

-- See `Store.fork`.
CREATE OR REPLACE FUNCTION dragoman_conversation_fork(_conversation uuid, _branch text, _segment integer,
  _depth integer) RETURNS boolean LANGUAGE plpgsql
  SET enable_seqscan = off AS $f$
DECLARE
  _c dragoman_conversation;
  _now double precision;
BEGIN
  SELECT * INTO _c FROM dragoman_conversation WHERE conversation = _conversation FOR UPDATE;
  _now := dragoman_now();
  IF NOT FOUND OR _c.expires <= _now
    OR NOT ((_segment = 0 AND _depth = 0) OR EXISTS (SELECT FROM dragoman_node
      WHERE conversation = _conversation AND segment = _segment AND depth = _depth)) THEN
    RETURN false;
  END IF;
  INSERT INTO dragoman_branch VALUES (_conversation, _branch, 0, _segment, _depth, dragoman_fence(_c.epoch), NULL, 0)
    ON CONFLICT DO NOTHING;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  PERFORM dragoman_conversation_touch(_conversation, _c.keep, _now, 0);
  RETURN true;
END $f$;

-- The turns of a conversation: one with its pieces behind a number, or (no key) all that nobody will end.
CREATE OR REPLACE FUNCTION dragoman_turns(_conversation uuid, _key text, _after integer)
  RETURNS TABLE (head json, sealed bytea, input bytea, error bytea, answer bytea, seqs integer[], events bytea[],
    turn text, kind text, weight integer, id text, body bytea) LANGUAGE plpgsql STABLE
  SET enable_seqscan = off AS $f$
#variable_conflict use_column
DECLARE
  _now double precision := dragoman_now();
  _seal bytea;
  _t dragoman_turn;
  _alive boolean;
  _seqs integer[];
  _events bytea[];
BEGIN
  SELECT c.seal INTO _seal FROM dragoman_conversation c
    WHERE c.conversation = _conversation AND (c.expires IS NULL OR c.expires > _now);
  IF NOT FOUND THEN
    RETURN;
  END IF;
  FOR _t IN
    SELECT t.* FROM dragoman_turn t WHERE t.conversation = _conversation AND t.key = _key
    UNION ALL
    (SELECT t.* FROM dragoman_turn t WHERE t.conversation = _conversation AND t.state <> 'done' AND _key IS NULL
      ORDER BY t.number)
  LOOP
    _alive := EXISTS (SELECT FROM dragoman_branch b WHERE b.conversation = _conversation AND b.name = _t.branch
      AND b.turn = _t.key AND b.until > _now);
    CONTINUE WHEN _key IS NULL AND _alive;
    SELECT array_agg(p.seq ORDER BY p.seq), array_agg(p.events ORDER BY p.seq) INTO _seqs, _events
      FROM dragoman_piece p WHERE p.conversation = _conversation AND p.turn = _t.key AND p.seq > _after;
    RETURN QUERY SELECT json_build_object('key', _t.key, 'branch', _t.branch, 'fence', _t.fence,
        'state', CASE WHEN _t.state = 'running' AND NOT _alive THEN 'interrupted' ELSE _t.state END,
        'base', json_build_array(_t.base_segment, _t.base_depth), 'begun', _t.begun, 'ended', _t.ended,
        'leaf', CASE WHEN n.depth IS NOT NULL THEN json_build_array(n.segment, n.depth) END),
      _seal, _t.input, _t.error, _t.answer, _seqs, _events, n.turn, n.kind, n.weight, n.id, n.body
      FROM (SELECT 1) one LEFT JOIN dragoman_node n ON _t.state = 'done' AND n.conversation = _conversation
        AND n.segment = _t.leaf_segment AND n.depth = _t.leaf_depth;
  END LOOP;
END $f$;

-- See `Store.erase`.
CREATE OR REPLACE FUNCTION dragoman_conversation_erase(_conversation uuid) RETURNS TABLE (nodes bigint, turns bigint)
  LANGUAGE plpgsql
  SET enable_seqscan = off AS $f$
#variable_conflict use_column
BEGIN
  PERFORM FROM dragoman_conversation WHERE conversation = _conversation FOR UPDATE;
  IF FOUND THEN
    RETURN QUERY SELECT d.nodes, d.turns FROM dragoman_conversation_delete(_conversation) d;
  END IF;
END $f$;

-- See `Store.sweep`.  What another has locked is left to the next sweep.
CREATE OR REPLACE FUNCTION dragoman_sweep(_limit integer, _followed double precision)
  RETURNS TABLE (conversations integer, turns integer) LANGUAGE plpgsql
  SET enable_seqscan = off AS $f$
#variable_conflict use_column
DECLARE
  _now double precision := dragoman_now();
  _row record;
BEGIN
  conversations := 0;
  turns := 0;
  FOR _row IN SELECT c.conversation FROM dragoman_conversation c WHERE c.expires <= _now ORDER BY c.expires
      LIMIT _limit FOR UPDATE SKIP LOCKED LOOP
    PERFORM dragoman_conversation_delete(_row.conversation);
    conversations := conversations + 1;
  END LOOP;
  FOR _row IN UPDATE dragoman_turn t SET pieces = false FROM (
      SELECT o.conversation, o.key FROM dragoman_turn o WHERE o.pieces AND o.ended <= _now - _followed
        ORDER BY o.ended LIMIT _limit FOR UPDATE SKIP LOCKED) old
      WHERE t.conversation = old.conversation AND t.key = old.key RETURNING t.conversation, t.key LOOP
    DELETE FROM dragoman_piece p WHERE p.conversation = _row.conversation AND p.turn = _row.key;
    turns := turns + 1;
  END LOOP;
  RETURN NEXT;
END $f$;
