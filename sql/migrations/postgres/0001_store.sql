-- The store. Names of tables and columns are a contract: people query them.
--
-- performance_daily and fact have no foreign keys: they are written by COPY, a check a row costs more than the row, and only one
-- program writes them. Text that is ordered is COLLATE "C", so that order is by bytes whatever the database's collation.

CREATE SEQUENCE account_ids;
CREATE SEQUENCE lease_tokens;

CREATE TABLE account (
    id bigint PRIMARY KEY,
    account_no text COLLATE "C" NOT NULL UNIQUE,
    base_currency text,
    performance_start date,
    inception date,
    closed_on date,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'closed')),
    slot smallint NOT NULL CHECK (slot BETWEEN 0 AND 255),
    first_values text[] NOT NULL DEFAULT '{}'
);
COMMENT ON COLUMN account.slot IS 'first byte of MD5 of the number the account had first; each slot has one writer';
COMMENT ON COLUMN account.first_values IS 'each vendor''s first value of this account: date, then vendor';

CREATE TABLE account_alias (
    vendor text NOT NULL,
    vendor_account text NOT NULL,
    valid_from date,
    valid_to date,
    account_id bigint NOT NULL REFERENCES account (id),
    UNIQUE NULLS NOT DISTINCT (vendor, vendor_account, valid_from)
);
CREATE INDEX account_alias_account ON account_alias (account_id);

CREATE TABLE partition (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text COLLATE "C" NOT NULL UNIQUE,
    source text NOT NULL,
    file_size bigint,
    file_modified timestamptz,
    read_through bytea,
    begin text
);
COMMENT ON COLUMN partition.begin IS 'where reading of a stream''s partition begins while nothing of it is committed, in its source''s words; said once, before the first read';
COMMENT ON COLUMN partition.file_modified IS 'with file_size: of the file when it was last read through, so that the same file is not read through again';
COMMENT ON COLUMN partition.read_through IS 'what that told: hash, length, counts; may be emptied at any time, and is made again by reading the file through';

CREATE TABLE checkpoint (
    partition_id bigint PRIMARY KEY REFERENCES partition (id),
    source text NOT NULL,
    position text NOT NULL DEFAULT 'start',
    token bigint NOT NULL,
    read bigint NOT NULL DEFAULT 0,
    decoded bigint NOT NULL DEFAULT 0,
    ignored bigint NOT NULL DEFAULT 0,
    quarantined bigint NOT NULL DEFAULT 0,
    observed bigint NOT NULL DEFAULT 0,
    accepted bigint NOT NULL DEFAULT 0,
    unchanged bigint NOT NULL DEFAULT 0,
    stale bigint NOT NULL DEFAULT 0,
    waiting bigint NOT NULL DEFAULT 0,
    bytes bigint NOT NULL DEFAULT 0,
    updated_at timestamptz,
    read_until timestamptz,
    feed_id bigint
) WITH (fillfactor = 50);
COMMENT ON COLUMN checkpoint.feed_id IS 'the feed with an end that was read so far';
COMMENT ON COLUMN checkpoint.read_until IS 'all of a stream''s partition that arrived up to then is known to be read; it only grows';

CREATE TABLE retention_gap (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    partition_id bigint NOT NULL REFERENCES partition (id),
    from_position text NOT NULL,
    from_arrival timestamptz,
    to_position text,
    to_arrival timestamptz,
    retention_hours integer,
    noticed_at timestamptz NOT NULL,
    UNIQUE (partition_id, from_position)
);
COMMENT ON TABLE retention_gap IS 'what a stream let go, or may have, before it was read: after from, and before to where that is known';

CREATE TABLE lease (
    kind text NOT NULL CHECK (kind IN ('slot', 'partition')),
    name bigint NOT NULL,
    token bigint NOT NULL,
    owner text NOT NULL,
    PRIMARY KEY (kind, name)
);
COMMENT ON COLUMN lease.name IS 'the slot, or the partition''s id';
COMMENT ON COLUMN lease.token IS 'new with every grant: a commit under an older one is refused';

-- The processes at work on the store. Expiry lives here alone, so that renewing touches no lease. A lease holds while its owner lives:
-- active or ingest, and not expired.
CREATE TABLE worker (
    name text PRIMARY KEY,
    role text NOT NULL CHECK (role IN ('active', 'ingest', 'standby')),
    generation bigint NOT NULL,
    since timestamptz NOT NULL,
    ttl interval NOT NULL,
    expires_at timestamptz NOT NULL
);
COMMENT ON COLUMN worker.role IS 'active: the one pipeline, it owns all slots; ingest: reads a share of the partitions, and writes no account; standby: takes over when the active one ends';
CREATE UNIQUE INDEX worker_active ON worker (role) WHERE role = 'active';

-- The last time a commit said what is known, one row for each of the two halves of the slots; so known_from grows per account even
-- where the clock is set back.
CREATE TABLE commit_clock (
    half smallint PRIMARY KEY CHECK (half IN (0, 1)),
    at timestamptz NOT NULL
) WITH (fillfactor = 50);
INSERT INTO commit_clock VALUES (0, '-infinity'), (1, '-infinity');

CREATE TABLE feed (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    source text NOT NULL,
    vendor text NOT NULL,
    name text COLLATE "C" NOT NULL,
    object_version text,
    hash bytea,
    mapping_version bigint NOT NULL,
    bytes bigint,
    arrival timestamptz,
    business_date date,
    declared bigint,
    counted bigint,
    first_as_of date,
    last_as_of date,
    status text NOT NULL CHECK (status IN ('coming', 'complete', 'open', 'waiting', 'refused', 'replaced')),
    partition_id bigint NOT NULL REFERENCES partition (id),
    kept bytea
);
COMMENT ON COLUMN feed.vendor IS 'the layout that decodes it';
COMMENT ON COLUMN feed.object_version IS 'of an object: what its bucket calls this version of it, where it keeps versions';
COMMENT ON COLUMN feed.first_as_of IS 'the first date its facts speak of';
COMMENT ON COLUMN feed.status IS 'coming: it has an end, and is being read; complete: all of it is in; open: it may grow; waiting: its control count disagrees; replaced: read again, and all of that is in';
COMMENT ON COLUMN feed.mapping_version IS 'what has an end and is read again with a later version of its mapping is a feed of its own: it replaces the one before';
COMMENT ON COLUMN feed.hash IS 'BLAKE3 of the bytes of what has an end, of the place of the first message of a delivery in several; null for a day of a stream';
COMMENT ON COLUMN feed.kept IS 'of a delivery in several messages that is not over: what its next message is read with';
CREATE UNIQUE INDEX feed_by_hash ON feed (vendor, hash, mapping_version) WHERE hash IS NOT NULL;
CREATE UNIQUE INDEX feed_by_day ON feed (source, vendor, name) WHERE hash IS NULL;
CREATE INDEX feed_by_name ON feed (source, vendor, name);
CREATE INDEX feed_not_over ON feed (partition_id) WHERE kept IS NOT NULL;

CREATE TABLE policy (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    hash text NOT NULL UNIQUE,
    text text NOT NULL,
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    -- The latest one is in force.
    in_force_since timestamptz
);

-- Mappings that have been used: a version of one never has other bytes.
CREATE TABLE mapping (
    name text NOT NULL,
    version bigint NOT NULL,
    hash bytea NOT NULL,
    PRIMARY KEY (name, version)
);

CREATE TABLE fact (
    account_id bigint NOT NULL,
    origin text NOT NULL,
    kind text NOT NULL,
    as_of date NOT NULL,
    key_as_of date,
    ref text,
    revision numeric,
    arrival timestamptz,
    content bytea NOT NULL,
    feed_id bigint NOT NULL,
    partition_id bigint NOT NULL,
    position text NOT NULL,
    vendor_account text NOT NULL,
    mapping_version bigint NOT NULL,
    waiting_reason text,
    stated integer,
    begin_value numeric,
    end_value numeric,
    contributions numeric,
    distributions numeric,
    fees numeric,
    fees_outside numeric,
    accrued numeric,
    reported_return numeric,
    reported_span text,
    at timestamptz,
    value numeric,
    class text,
    amount numeric,
    currency text,
    effective date,
    security text,
    counter_account text,
    description text,
    quantity numeric,
    price numeric,
    performance_start date,
    closed_on date,
    inception date,
    cumulative_twrr numeric,
    cumulative_twrr_gross numeric,
    cumulative_net_flow numeric,
    period_from date,
    net_return numeric,
    gross_return numeric,
    original text,
    event_id text,
    event_time timestamptz,
    ticket text,
    who text,
    reason text,
    target_partition_id bigint,
    target_position text,
    target_feed_id bigint,
    reinstate boolean,
    code text,
    released boolean
);
-- Content is nearly unique in an account: with it in front, a look-up that must treat nulls as equal still finds one row at once.
CREATE UNIQUE INDEX fact_identity
    ON fact (account_id, content, kind, origin, key_as_of, ref, feed_id) NULLS NOT DISTINCT;
CREATE INDEX fact_by_date ON fact (account_id, as_of);
CREATE INDEX fact_undated ON fact (account_id, kind, coalesce(ref, '')) WHERE key_as_of IS NULL;

CREATE TABLE performance_daily (
    account_id bigint NOT NULL,
    as_of date NOT NULL,
    previous_as_of date,
    begin_value numeric NOT NULL,
    contributions numeric NOT NULL,
    distributions numeric NOT NULL,
    net_flow numeric NOT NULL,
    cumulative_net_flow numeric NOT NULL,
    fees numeric NOT NULL,
    fees_outside numeric NOT NULL,
    accrued numeric NOT NULL,
    end_value numeric NOT NULL,
    gain numeric NOT NULL,
    twrr numeric,
    cumulative_twrr numeric,
    twrr_gross numeric,
    cumulative_twrr_gross numeric,
    growth numeric,
    growth_gross numeric,
    link_growth numeric,
    link_capital numeric,
    link_growth_gross numeric,
    link_capital_gross numeric,
    incepted boolean NOT NULL,
    segment integer NOT NULL,
    sub_periods integer NOT NULL,
    status text NOT NULL,
    flow_timing text NOT NULL,
    verdict text NOT NULL,
    reasons text[],
    row_reasons bigint,
    revision numeric,
    value_since date NOT NULL,
    value_vendor text NOT NULL,
    flow_vendor text,
    carries boolean NOT NULL,
    vendor_account text NOT NULL,
    vendor_begin numeric,
    other_net_flow numeric,
    stated integer NOT NULL,
    content bytea NOT NULL,
    mapping_version bigint NOT NULL,
    feed_id bigint NOT NULL,
    partition_id bigint NOT NULL,
    position text NOT NULL,
    arrived_at timestamptz,
    reported_return numeric,
    reported_span text,
    policy_id bigint NOT NULL,
    known_from timestamptz NOT NULL,
    PRIMARY KEY (account_id, as_of)
);

-- Days that are open (bit 0 of a row's own reasons); of all others it holds nothing, and costs nothing.
CREATE INDEX performance_daily_open ON performance_daily (value_vendor, as_of) WHERE row_reasons & 1 <> 0;

CREATE TABLE performance_history (
    LIKE performance_daily,
    known_to timestamptz NOT NULL,
    cause text,
    PRIMARY KEY (account_id, as_of, known_to),
    CHECK (known_from < known_to)
);

CREATE TABLE tolerance_break (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    cause_id bigint REFERENCES tolerance_break (id),
    rule text NOT NULL,
    severity text NOT NULL,
    account_id bigint,
    vendor text,
    as_of date,
    feed_id bigint,
    position text,
    first_seen timestamptz NOT NULL,
    last_seen timestamptz NOT NULL,
    expected numeric,
    actual numeric,
    difference numeric,
    difference_bp numeric,
    tolerance numeric,
    mtd_effect numeric,
    hint text,
    owner text,
    note text,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'resolved', 'accepted')),
    accepted_by text,
    accepted_until timestamptz,
    identity text NOT NULL UNIQUE
);
COMMENT ON COLUMN tolerance_break.identity IS 'rule, account, date, feed and vendor as one text: what makes it the same break again';
CREATE INDEX tolerance_break_by_day ON tolerance_break (account_id, as_of);
CREATE INDEX tolerance_break_open ON tolerance_break (status) WHERE status = 'open';

CREATE TABLE quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    vendor text NOT NULL,
    partition_id bigint NOT NULL,
    position text NOT NULL,
    line bigint,
    feed_id bigint NOT NULL,
    code text NOT NULL,
    text text NOT NULL,
    field text,
    raw bytea NOT NULL,
    length bigint NOT NULL,
    raw_hash bytea NOT NULL,
    account_id bigint,
    vendor_account text,
    as_of date,
    mapping_version bigint NOT NULL,
    seen_at timestamptz NOT NULL,
    status text NOT NULL DEFAULT 'open',
    UNIQUE (partition_id, position, feed_id)
);
CREATE INDEX quarantine_by_feed ON quarantine (feed_id);
CREATE INDEX quarantine_by_day ON quarantine (account_id, as_of);

CREATE TABLE outbox (
    id text PRIMARY KEY,
    detail_type text NOT NULL,
    detail text NOT NULL,
    made_at timestamptz NOT NULL,
    sent_at timestamptz
);
CREATE INDEX outbox_unsent ON outbox (made_at) WHERE sent_at IS NULL;

CREATE TABLE inbox (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    detail text NOT NULL,
    written_by text NOT NULL,
    written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    taken_at timestamptz
);

CREATE TABLE refold (
    account_id bigint PRIMARY KEY REFERENCES account (id),
    cause text NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- For people: the number instead of the id.
CREATE VIEW performance AS
SELECT a.account_no, d.*
FROM performance_daily d
JOIN account a ON a.id = d.account_id;

-- What did we say then? A day without a row had none, or it was still open.
CREATE FUNCTION performance_as_known(at timestamptz) RETURNS SETOF performance
LANGUAGE sql STABLE
AS $$
    SELECT a.account_no, d.*
    FROM performance_daily d
    JOIN account a ON a.id = d.account_id
    WHERE d.known_from <= at
    UNION ALL
    SELECT
        a.account_no, h.account_id, h.as_of, h.previous_as_of, h.begin_value, h.contributions, h.distributions, h.net_flow,
        h.cumulative_net_flow, h.fees, h.fees_outside, h.accrued, h.end_value, h.gain, h.twrr, h.cumulative_twrr, h.twrr_gross,
        h.cumulative_twrr_gross, h.growth, h.growth_gross, h.link_growth, h.link_capital, h.link_growth_gross,
        h.link_capital_gross, h.incepted, h.segment, h.sub_periods, h.status, h.flow_timing, h.verdict, h.reasons, h.row_reasons,
        h.revision, h.value_since, h.value_vendor, h.flow_vendor, h.carries, h.vendor_account, h.vendor_begin,
        h.other_net_flow, h.stated, h.content, h.mapping_version, h.feed_id, h.partition_id, h.position, h.arrived_at, h.reported_return, h.reported_span, h.policy_id,
        h.known_from
    FROM performance_history h
    JOIN account a ON a.id = h.account_id
    WHERE h.known_from <= at AND h.known_to > at
$$;

-- Everything said, wherever it lives: rows of fact, and the summaries that daily rows carry. A field of a summary that the vendor
-- did not state is null. withdrawn_by is the withdrawal that holds now, by the latest of each target.
CREATE VIEW observation AS
WITH said AS (
    SELECT f.*, false AS in_row FROM fact f
    UNION ALL
    SELECT
        d.account_id, d.value_vendor, 'summary', d.as_of, d.as_of, NULL, d.revision, d.arrived_at, d.content, d.feed_id,
        d.partition_id, d.position, d.vendor_account, d.mapping_version, NULL, d.stated,
        CASE WHEN d.stated & 1 <> 0 THEN d.vendor_begin END,
        CASE WHEN d.stated & 2 <> 0 THEN d.end_value - d.accrued END,
        CASE WHEN d.stated & 4 <> 0 THEN d.contributions END,
        CASE WHEN d.stated & 8 <> 0 THEN d.distributions END,
        CASE WHEN d.stated & 16 <> 0 THEN d.fees END,
        CASE WHEN d.stated & 32 <> 0 THEN d.fees_outside END,
        CASE WHEN d.stated & 64 <> 0 THEN d.accrued END,
        CASE WHEN d.stated & 128 <> 0 THEN d.reported_return END,
        CASE WHEN d.stated & 128 <> 0 THEN d.reported_span END,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
        true
    FROM performance_daily d
    WHERE d.carries
)
SELECT a.account_no, s.*, w.withdrawn_by
FROM said s
JOIN account a ON a.id = s.account_id
CROSS JOIN LATERAL (
    SELECT min(latest.event_id) FILTER (WHERE NOT latest.reinstate) AS withdrawn_by
    FROM (
        SELECT DISTINCT ON (f.target_partition_id, f.target_feed_id) f.event_id, f.reinstate
        FROM fact f
        WHERE f.account_id = s.account_id
            AND f.kind = 'withdrawal'
            AND (
                (f.target_partition_id = s.partition_id AND f.target_position = s.position)
                OR f.target_feed_id = s.feed_id
                OR (s.kind = 'correction' AND f.ticket = s.ref)
            )
        ORDER BY f.target_partition_id, f.target_feed_id, f.event_time DESC, f.event_id COLLATE "C" DESC
    ) latest
) w;
