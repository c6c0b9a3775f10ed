-- The store. Names of tables and columns are a contract: people query them.
--
-- Decimals are TEXT as the report prints them, and must not be compared or added in SQL; dates are ISO text, times are
-- microseconds since 1970 UTC. Text compares byte by byte (BINARY), so account numbers order as in every other store.

CREATE TABLE account (
  id                INTEGER PRIMARY KEY,
  account_no        TEXT NOT NULL UNIQUE,
  -- First byte of MD5 of the number the account had first; each slot has one writer.
  slot              INTEGER NOT NULL CHECK (slot BETWEEN 0 AND 255),
  base_currency     TEXT,
  performance_start TEXT,
  inception         TEXT,
  closed_on         TEXT,
  status            TEXT NOT NULL CHECK (status IN ('open', 'closed')),
  -- Each vendor's first value: lines of date, space, vendor.
  first_values      TEXT
) STRICT;

CREATE TABLE account_alias (
  vendor         TEXT NOT NULL,
  vendor_account TEXT NOT NULL,
  valid_from     TEXT,
  valid_to       TEXT,
  account_id     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX account_alias_key ON account_alias (vendor, vendor_account, coalesce(valid_from, ''));
CREATE INDEX account_alias_account ON account_alias (account_id);

CREATE TABLE partition (
  id            INTEGER PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  source        TEXT NOT NULL,
  -- Of the file when it was last read through, so that the same file is not read through again.
  file_size     INTEGER,
  file_modified INTEGER,
  -- What that told: hash, length, counts. It may be emptied at any time, and is made again by reading the file through.
  read_through  BLOB,
  -- Where reading of a stream's partition begins while nothing of it is committed, in its source's words; said once, before the first read.
  "begin"       TEXT
) STRICT;

CREATE TABLE checkpoint (
  partition_id INTEGER PRIMARY KEY,
  source       TEXT NOT NULL,
  position     TEXT NOT NULL,
  token        INTEGER NOT NULL,
  read         INTEGER NOT NULL DEFAULT 0,
  decoded      INTEGER NOT NULL DEFAULT 0,
  ignored      INTEGER NOT NULL DEFAULT 0,
  quarantined  INTEGER NOT NULL DEFAULT 0,
  observed     INTEGER NOT NULL DEFAULT 0,
  accepted     INTEGER NOT NULL DEFAULT 0,
  unchanged    INTEGER NOT NULL DEFAULT 0,
  stale        INTEGER NOT NULL DEFAULT 0,
  waiting      INTEGER NOT NULL DEFAULT 0,
  bytes        INTEGER NOT NULL DEFAULT 0,
  updated_at   INTEGER,
  -- All of a stream's partition that arrived up to then is known to be read; it only grows.
  read_until   INTEGER,
  -- The feed with an end that was read so far.
  feed_id      INTEGER
) STRICT;

-- What a stream let go, or may have, before it was read: after "from", and before "to" where that is known.
CREATE TABLE retention_gap (
  id              INTEGER PRIMARY KEY,
  source          TEXT NOT NULL,
  partition_id    INTEGER NOT NULL,
  from_position   TEXT NOT NULL,
  from_arrival    INTEGER,
  to_position     TEXT,
  to_arrival      INTEGER,
  retention_hours INTEGER,
  noticed_at      INTEGER NOT NULL,
  UNIQUE (partition_id, from_position)
) STRICT;

CREATE TABLE feed (
  id            INTEGER PRIMARY KEY,
  source        TEXT NOT NULL,
  vendor        TEXT NOT NULL,
  name          TEXT NOT NULL,
  -- Of an object: what its bucket calls this version of it, where it keeps versions.
  object_version TEXT,
  -- BLAKE3 of the bytes, hex, of the place of the first message of a delivery in several; none for a day of a stream, whose name is the date.
  hash          TEXT,
  -- What has an end and is read again with a later version of its mapping is a feed of its own: it replaces the one before.
  mapping_version INTEGER NOT NULL,
  bytes         INTEGER,
  arrival       INTEGER,
  business_date TEXT,
  declared      INTEGER,
  counted       INTEGER,
  -- The first and the last date its facts speak of.
  first_as_of   TEXT,
  last_as_of    TEXT,
  -- coming: it has an end, and is being read; complete: all of it is in; open: it may grow; waiting: its control count disagrees;
  -- replaced: read again, and all of that is in.
  status        TEXT NOT NULL CHECK (status IN ('coming', 'complete', 'open', 'waiting', 'refused', 'replaced')),
  partition_id  INTEGER NOT NULL,
  -- Of a delivery in several messages that is not over: what its next message is read with.
  kept          BLOB
) STRICT;
CREATE INDEX feed_not_over ON feed (partition_id) WHERE kept IS NOT NULL;
CREATE UNIQUE INDEX feed_by_hash ON feed (vendor, hash, mapping_version) WHERE hash IS NOT NULL;
CREATE UNIQUE INDEX feed_by_day ON feed (source, vendor, name) WHERE hash IS NULL;
CREATE INDEX feed_by_name ON feed (source, vendor, name);

CREATE TABLE fact (
  account_id            INTEGER NOT NULL,
  origin                TEXT NOT NULL,
  kind                  TEXT NOT NULL,
  as_of                 TEXT NOT NULL,
  key_as_of             TEXT,
  ref                   TEXT,
  revision              TEXT,
  arrival               INTEGER,
  content               BLOB NOT NULL,
  feed_id               INTEGER NOT NULL,
  partition_id          INTEGER NOT NULL,
  position              TEXT NOT NULL,
  vendor_account        TEXT NOT NULL,
  mapping_version       INTEGER NOT NULL,
  waiting_reason        TEXT,
  stated                INTEGER,
  begin_value           TEXT,
  end_value             TEXT,
  contributions         TEXT,
  distributions         TEXT,
  fees                  TEXT,
  fees_outside          TEXT,
  accrued               TEXT,
  reported_return       TEXT,
  reported_span         TEXT,
  at                    INTEGER,
  value                 TEXT,
  class                 TEXT,
  amount                TEXT,
  currency              TEXT,
  effective             TEXT,
  security              TEXT,
  counter_account       TEXT,
  description           TEXT,
  quantity              TEXT,
  price                 TEXT,
  performance_start     TEXT,
  closed_on             TEXT,
  inception             TEXT,
  cumulative_twrr       TEXT,
  cumulative_twrr_gross TEXT,
  cumulative_net_flow   TEXT,
  period_from           TEXT,
  net_return            TEXT,
  gross_return          TEXT,
  original              TEXT,
  event_id              TEXT,
  event_time            INTEGER,
  ticket                TEXT,
  who                   TEXT,
  reason                TEXT,
  target_partition_id   INTEGER,
  target_position       TEXT,
  target_feed_id        INTEGER,
  reinstate             INTEGER,
  code                  TEXT,
  released              INTEGER
) STRICT;
-- A reference or a date that is none is equal to another that is none.
CREATE UNIQUE INDEX fact_identity
  ON fact (account_id, kind, coalesce(key_as_of, ''), origin, coalesce(ref, ''), feed_id, content);
CREATE INDEX fact_by_date ON fact (account_id, as_of);
CREATE INDEX fact_summaries ON fact (account_id) WHERE kind = 'summary';
CREATE INDEX fact_withdrawals ON fact (account_id) WHERE kind = 'withdrawal';

-- A table with row numbers, so that new rows go to its end: kept in key order, wide rows cost twice as much to write.
CREATE TABLE performance_daily (
  account_id            INTEGER NOT NULL,
  as_of                 TEXT NOT NULL,
  previous_as_of        TEXT,
  begin_value           TEXT NOT NULL,
  contributions         TEXT NOT NULL,
  distributions         TEXT NOT NULL,
  net_flow              TEXT NOT NULL,
  cumulative_net_flow   TEXT NOT NULL,
  fees                  TEXT NOT NULL,
  fees_outside          TEXT NOT NULL,
  accrued               TEXT NOT NULL,
  end_value             TEXT NOT NULL,
  gain                  TEXT NOT NULL,
  twrr                  TEXT,
  cumulative_twrr       TEXT,
  twrr_gross            TEXT,
  cumulative_twrr_gross TEXT,
  growth                TEXT,
  growth_gross          TEXT,
  link_growth           TEXT,
  link_capital          TEXT,
  link_growth_gross     TEXT,
  link_capital_gross    TEXT,
  incepted              INTEGER NOT NULL,
  segment               INTEGER NOT NULL,
  sub_periods           INTEGER NOT NULL,
  status                TEXT NOT NULL,
  flow_timing           TEXT NOT NULL,
  verdict               TEXT NOT NULL,
  reasons               TEXT,
  row_reasons           INTEGER,
  revision              TEXT,
  value_since           TEXT NOT NULL,
  value_vendor          TEXT NOT NULL,
  flow_vendor           TEXT,
  carries               INTEGER NOT NULL,
  vendor_account        TEXT NOT NULL,
  vendor_begin          TEXT,
  other_net_flow        TEXT,
  stated                INTEGER NOT NULL,
  content               BLOB NOT NULL,
  mapping_version       INTEGER NOT NULL,
  feed_id               INTEGER NOT NULL,
  partition_id          INTEGER NOT NULL,
  position              TEXT NOT NULL,
  arrived_at            INTEGER,
  reported_return       TEXT,
  reported_span         TEXT,
  policy_id             INTEGER NOT NULL,
  known_from            INTEGER NOT NULL,
  PRIMARY KEY (account_id, as_of)
) STRICT;

-- Days that are open (bit 0 of a row's own reasons); of all others it holds nothing.
CREATE INDEX performance_daily_open ON performance_daily (value_vendor, as_of) WHERE row_reasons & 1 <> 0;

CREATE TABLE performance_history (
  account_id            INTEGER NOT NULL,
  as_of                 TEXT NOT NULL,
  previous_as_of        TEXT,
  begin_value           TEXT NOT NULL,
  contributions         TEXT NOT NULL,
  distributions         TEXT NOT NULL,
  net_flow              TEXT NOT NULL,
  cumulative_net_flow   TEXT NOT NULL,
  fees                  TEXT NOT NULL,
  fees_outside          TEXT NOT NULL,
  accrued               TEXT NOT NULL,
  end_value             TEXT NOT NULL,
  gain                  TEXT NOT NULL,
  twrr                  TEXT,
  cumulative_twrr       TEXT,
  twrr_gross            TEXT,
  cumulative_twrr_gross TEXT,
  growth                TEXT,
  growth_gross          TEXT,
  link_growth           TEXT,
  link_capital          TEXT,
  link_growth_gross     TEXT,
  link_capital_gross    TEXT,
  incepted              INTEGER NOT NULL,
  segment               INTEGER NOT NULL,
  sub_periods           INTEGER NOT NULL,
  status                TEXT NOT NULL,
  flow_timing           TEXT NOT NULL,
  verdict               TEXT NOT NULL,
  reasons               TEXT,
  row_reasons           INTEGER,
  revision              TEXT,
  value_since           TEXT NOT NULL,
  value_vendor          TEXT NOT NULL,
  flow_vendor           TEXT,
  carries               INTEGER NOT NULL,
  vendor_account        TEXT NOT NULL,
  vendor_begin          TEXT,
  other_net_flow        TEXT,
  stated                INTEGER NOT NULL,
  content               BLOB NOT NULL,
  mapping_version       INTEGER NOT NULL,
  feed_id               INTEGER NOT NULL,
  partition_id          INTEGER NOT NULL,
  position              TEXT NOT NULL,
  arrived_at            INTEGER,
  reported_return       TEXT,
  reported_span         TEXT,
  policy_id             INTEGER NOT NULL,
  known_from            INTEGER NOT NULL,
  known_to              INTEGER NOT NULL,
  cause                 TEXT,
  PRIMARY KEY (account_id, as_of, known_to),
  CHECK (known_from < known_to)
) STRICT;

CREATE TABLE tolerance_break (
  id             INTEGER PRIMARY KEY,
  cause_id       INTEGER,
  rule           TEXT NOT NULL,
  severity       TEXT NOT NULL,
  account_id     INTEGER,
  vendor         TEXT,
  as_of          TEXT,
  feed_id        INTEGER,
  position       TEXT,
  first_seen     INTEGER NOT NULL,
  last_seen      INTEGER NOT NULL,
  expected       TEXT,
  actual         TEXT,
  difference     TEXT,
  difference_bp  TEXT,
  tolerance      TEXT,
  mtd_effect     TEXT,
  hint           TEXT,
  owner          TEXT,
  note           TEXT,
  status         TEXT NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved', 'accepted')),
  accepted_by    TEXT,
  accepted_until INTEGER
) STRICT;
CREATE UNIQUE INDEX tolerance_break_identity ON tolerance_break
  (rule, coalesce(account_id, 0), coalesce(vendor, ''), coalesce(as_of, ''), coalesce(feed_id, 0));
CREATE INDEX tolerance_break_by_day ON tolerance_break (account_id, as_of);
CREATE INDEX tolerance_break_open ON tolerance_break (account_id, as_of) WHERE status = 'open';

CREATE TABLE quarantine (
  id              INTEGER PRIMARY KEY,
  vendor          TEXT NOT NULL,
  partition_id    INTEGER NOT NULL,
  position        TEXT NOT NULL,
  line            INTEGER,
  feed_id         INTEGER NOT NULL,
  code            TEXT NOT NULL,
  text            TEXT NOT NULL,
  field           TEXT,
  raw             BLOB NOT NULL,
  length          INTEGER NOT NULL,
  raw_hash        BLOB NOT NULL,
  account_id      INTEGER,
  vendor_account  TEXT,
  as_of           TEXT,
  mapping_version INTEGER NOT NULL,
  seen_at         INTEGER NOT NULL,
  -- open, or replaced: its feed was read again.
  status          TEXT NOT NULL DEFAULT 'open',
  UNIQUE (partition_id, position, feed_id)
) STRICT;
CREATE INDEX quarantine_by_feed ON quarantine (feed_id);
CREATE INDEX quarantine_by_day ON quarantine (account_id, as_of) WHERE account_id IS NOT NULL;

CREATE TABLE policy (
  id      INTEGER PRIMARY KEY,
  hash    TEXT NOT NULL UNIQUE,
  text    TEXT NOT NULL,
  kept_at INTEGER NOT NULL,
  -- The latest one is in force.
  in_force_since INTEGER
) STRICT;

-- Mappings that have been used: a version of one never has other bytes.
CREATE TABLE mapping (
  name    TEXT NOT NULL,
  version INTEGER NOT NULL,
  hash    BLOB NOT NULL,
  PRIMARY KEY (name, version)
) STRICT;

CREATE TABLE outbox (
  id          TEXT PRIMARY KEY,
  detail_type TEXT NOT NULL,
  detail      TEXT NOT NULL,
  made_at     INTEGER NOT NULL,
  sent_at     INTEGER
) STRICT;
CREATE INDEX outbox_unsent ON outbox (made_at) WHERE sent_at IS NULL;

CREATE TABLE inbox (
  id         INTEGER PRIMARY KEY,
  kind       TEXT NOT NULL,
  detail     TEXT NOT NULL,
  written_by TEXT NOT NULL,
  written_at INTEGER NOT NULL,
  taken_at   INTEGER
) STRICT;

CREATE TABLE refold (
  account_id INTEGER PRIMARY KEY,
  cause      TEXT NOT NULL,
  marked_at  INTEGER NOT NULL
) STRICT;

-- `name` is the slot, or the partition's id. A token is new with every grant: a commit under an older one is refused.
CREATE TABLE lease (
  kind  TEXT NOT NULL CHECK (kind IN ('slot', 'partition')),
  name  INTEGER NOT NULL,
  token INTEGER NOT NULL,
  owner TEXT NOT NULL,
  PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;

-- The processes at work on the store. Expiry lives here alone. A lease holds while its owner lives: active or ingest, and not expired.
CREATE TABLE worker (
  name       TEXT PRIMARY KEY,
  -- active: the one pipeline, it owns all slots. ingest: reads a share of the partitions, and writes no account. standby: takes over when
  -- the active one ends.
  role       TEXT NOT NULL CHECK (role IN ('active', 'ingest', 'standby')),
  generation INTEGER NOT NULL,
  since      INTEGER NOT NULL,
  ttl        INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX worker_active ON worker (role) WHERE role = 'active';

-- What grows: the next account id, the last lease token, and the last `known_from`, behind which the clock may not fall.
CREATE TABLE counter (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counter (name, value) VALUES ('account', 1), ('token', 0), ('known_from', 0);

-- For people: the number instead of the id.
CREATE VIEW performance AS
SELECT a.account_no, d.*
FROM performance_daily d JOIN account a ON a.id = d.account_id;

-- Everything said, wherever it lives: rows of fact, and the summaries that daily rows carry. A field of a summary that the vendor did not
-- state is null. The ending value of a carried summary includes what accrued, since SQLite cannot subtract decimals. `withdrawn_by` is
-- the withdrawal that holds now, by the latest of each target.
CREATE VIEW observation AS
WITH said AS (
  SELECT account_no, account_id, origin, kind, as_of, key_as_of, ref, revision, arrival, content, feed_id, partition_id, position,
    vendor_account, mapping_version, waiting_reason, stated, begin_value, end_value, contributions, distributions,
    fees, fees_outside, accrued, reported_return, reported_span, at, value, class, amount, currency, effective,
    security, counter_account, description, quantity, price, fact.performance_start, fact.closed_on, fact.inception, cumulative_twrr,
    cumulative_twrr_gross, cumulative_net_flow, period_from, net_return, gross_return, original, event_id, event_time,
    ticket, who, reason, target_partition_id, target_position, target_feed_id, reinstate, code, released, 0 AS in_row
  FROM fact JOIN account ON account.id = account_id
  UNION ALL
  SELECT account_no, account_id, value_vendor, 'summary', as_of, as_of, NULL, revision, arrived_at, content, feed_id, partition_id,
    position, vendor_account, mapping_version, NULL, stated, CASE WHEN stated & 1 THEN vendor_begin END,
    CASE WHEN stated & 2 THEN end_value END, CASE WHEN stated & 4 THEN contributions END,
    CASE WHEN stated & 8 THEN distributions END, CASE WHEN stated & 16 THEN fees END,
    CASE WHEN stated & 32 THEN fees_outside END, CASE WHEN stated & 64 THEN accrued END,
    CASE WHEN stated & 128 THEN reported_return END, CASE WHEN stated & 128 THEN reported_span END, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1
  FROM performance_daily JOIN account ON account.id = account_id
  WHERE carries = 1
)
SELECT s.*, (
    SELECT min(latest.event_id)
    FROM (
      SELECT f.event_id, f.reinstate, row_number() OVER (
          PARTITION BY f.target_partition_id, f.target_feed_id ORDER BY f.event_time DESC, f.event_id DESC
        ) AS place
      FROM fact f
      WHERE f.account_id = s.account_id AND f.kind = 'withdrawal' AND (
        (f.target_partition_id = s.partition_id AND f.target_position = s.position)
        OR f.target_feed_id = s.feed_id
        OR (s.kind = 'correction' AND f.ticket = s.ref))
    ) latest
    WHERE latest.place = 1 AND latest.reinstate = 0
  ) AS withdrawn_by
FROM said s;
