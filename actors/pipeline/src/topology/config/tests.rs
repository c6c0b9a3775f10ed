use super::*;
use sources::{Arrival, Compression};

/// A topology that says all that must be said, with more keys in its nodes.
fn topology(source: &str, decoder: &str, accumulator: &str, checker: &str, sink: &str) -> String {
    format!(
        "[sources.feeds]\ntype = \"file\"\npath = \"in\"\n{source}\n\
         [decoders.layouts]\ninputs = [\"feeds\"]\nvendors = \"vendors\"\n{decoder}\n\
         [accumulators.returns]\ninputs = [\"layouts\"]\n{accumulator}\n\
         [checkers.rules]\ninputs = [\"returns\"]\n{checker}\n\
         [sinks.store]\ninputs = [\"rules\"]\ntype = \"sqlite\"\n{sink}\n"
    )
}

fn file(source: &Source) -> &sources::FileConfig {
    let Place::File(file) = &source.place else { panic!("no file source: {source:?}") };
    file
}

fn read(text: &str) -> Result<Topology, Vec<Problem>> {
    Topology::parse(text, Path::new("conf/topology.toml"))
}

fn good(text: &str) -> Topology {
    read(text).unwrap_or_else(|p| panic!("{p:?}\n{text}"))
}

/// What is wrong, as a person reads it, without the file's name.
fn wrong(text: &str) -> Vec<String> {
    let problems = read(text).err().unwrap_or_default();
    problems.iter().map(|p| p.to_string().replace("conf/topology.toml:", "")).collect()
}

#[test]
fn a_topology_that_says_the_least_has_the_documented_defaults() {
    let t = good(&topology("", "", "", "", ""));
    let s = &t.sources[0].kind;
    assert_eq!((s.batch_records, s.batch_bytes, s.in_flight), (4_096, 1 << 20, 256 << 20));
    assert!(s.vendors.is_empty() && !s.eventbridge && !file(s).recursive && !file(s).watch && file(s).grows);
    assert_eq!((file(s).poll, file(s).compression), (Duration::from_secs(2), Compression::Auto));
    assert_eq!((file(s).arrival, &*file(s).path), (None, &["in".to_owned()][..]));
    let d = &t.decoders[0].kind;
    assert_eq!((d.instances, d.mailbox, d.overrides.len()), (1, 16, 0));
    assert_eq!(d.vendors[0].1, Path::new("conf/vendors"), "below the topology's folder");
    let a = &t.accumulators[0].kind;
    assert_eq!((a.instances, a.mailbox, a.accounts), (1, 16, 2_000_000));
    assert_eq!((a.flow_timing, a.failover, a.long_period_days, a.reopen_after), (None, false, 4, None));
    assert_eq!((a.residual, a.on_undefined), (Decimal::ZERO, OnUndefined::End));
    assert!(t.checkers[0].kind.rules.is_empty() && t.checkers[0].kind.calendar.is_none());
    let k = &t.sinks[0].kind;
    assert_eq!(k.store, StoreAddress::Sqlite("conf/dietz.db".into()));
    assert_eq!(
        (k.batch_rows, k.linger, k.lease),
        (100_000, Duration::from_millis(250), Duration::from_secs(15))
    );
    assert_eq!(t.admin.listen, None);
}

#[test]
fn every_key_says_what_it_is_read_as() {
    let source = "recursive = true\nvendors = [\"a\", \"b\"]\nformat = \"eventbridge\"\nwatch = true\npoll = \"500ms\"\n\
                  grows = false\narrival = \"mtime\"\ncompression = \"zstd\"\nbatch_records = 1_000\nbatch_bytes = \"512KiB\"\nin_flight = \"1GiB\"";
    let decoder = "instances = 3\nmailbox = 2\n[decoders.layouts.vendor.a]\naccount_no = \"A-{vendor_account}\"\n\
                   flow_timing = \"mid\"\npossible_duplicate = \"same\"";
    let accumulator = "instances = 4\nmailbox = 1\naccounts = 10\nflow_timing = \"timed\"\nprecedence = [\"b\", \"a\"]\nfailover = true\n\
                       residual = \"12.34\"\nlong_period_days = 7\non_undefined = \"carry\"\nreopen_after = 30";
    let checker = "mailbox = 5\ncalendar = \"weekdays\"\n[checkers.rules.rules]\n\
                   stale_value = { warn = { days = 3 }, block = { money = 1, bp = 0.5 } }";
    let sink = "path = \"/var/lib/d.db\"\nmailbox = 9\nbatch_rows = 10\nlinger = \"0ms\"\nlease = \"1m\"\n[admin]\nlisten = \"127.0.0.1:1\"";
    let t = good(&topology(source, decoder, accumulator, checker, sink));
    let s = &t.sources[0].kind;
    assert!(s.eventbridge && file(s).recursive && file(s).watch && !file(s).grows);
    assert_eq!(s.vendors.iter().map(|w| &*w.text).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((file(s).poll, file(s).arrival), (Duration::from_millis(500), Some(Arrival::Mtime)));
    assert_eq!((file(s).compression, s.batch_records), (Compression::Zstd, 1_000));
    assert_eq!((s.batch_bytes, s.in_flight), (512 << 10, 1 << 30));
    let d = &t.decoders[0].kind;
    assert_eq!((d.instances, d.mailbox), (3, 2));
    let (name, o) = &d.overrides[0];
    assert_eq!((&*name.text, o.account_no.as_deref()), ("a", Some("A-{vendor_account}")));
    assert_eq!((o.flow_timing, o.possible_duplicate), (Some(FlowTiming::Mid), Some(PossibleDuplicate::Same)));
    let a = &t.accumulators[0].kind;
    assert_eq!((a.instances, a.mailbox, a.accounts, a.flow_timing), (4, 1, 10, Some(FlowTiming::Timed)));
    assert_eq!(a.precedence.iter().map(|w| &*w.text).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!((a.failover, a.long_period_days, a.reopen_after), (true, 7, Some(30)));
    assert_eq!((a.residual.to_string().as_str(), a.on_undefined), ("12.34", OnUndefined::Carry));
    let c = &t.checkers[0].kind;
    assert_eq!((c.mailbox, c.calendar.as_ref().map(|w| &*w.text)), (5, Some("weekdays")));
    let (rule, levels) = &c.rules[0];
    let (warn, block) = (levels.warn.as_ref().unwrap(), levels.block.as_ref().unwrap());
    assert_eq!((&*rule.text, warn.days, warn.said.len()), ("stale_value", 3, 1));
    assert_eq!((block.money, block.bp, block.days), (Decimal::ONE, "0.5".parse().unwrap(), 0));
    let k = &t.sinks[0].kind;
    assert_eq!(k.store, StoreAddress::Sqlite("/var/lib/d.db".into()));
    assert_eq!(
        (k.mailbox, k.batch_rows, k.linger, k.lease),
        (9, 10, Duration::ZERO, Duration::from_secs(60))
    );
    assert_eq!(t.admin.listen.as_deref(), Some("127.0.0.1:1"));
}

#[test]
fn auto_is_all_vendors_and_off_is_no_address() {
    let t = good(&topology("vendors = \"auto\"", "", "", "", "[admin]\nlisten = \"off\""));
    assert!(t.sources[0].kind.vendors.is_empty() && t.admin.listen.is_none());
}

#[test]
fn an_address_nobody_can_listen_on_is_told() {
    let told = wrong(&topology("", "", "", "", "[admin]\nlisten = \"9464\""));
    let what = "(write host and port, as in 127.0.0.1:9464 or [::1]:9464, or \"off\")";
    assert_eq!(told, [format!("19:10: `admin.listen`: `9464` is no address {what}")]);
}

#[test]
fn a_postgres_store_has_a_url() {
    let text = topology("", "", "", "", "url = \"postgres://u@h/d\"").replace("sqlite", "postgres");
    assert_eq!(good(&text).sinks[0].kind.store, StoreAddress::Postgres("postgres://u@h/d".into()));
}

/// In which node the line stands, the line, and what is said of it. Lines of nodes: 4, 8, 11, 14, 18.
const WRONG_VALUES: [(usize, &str, &str); 53] = [
    (0, "path2 = 1", "1: unknown key `path2` in [sources.feeds] (did you mean `path`?)"),
    (0, "recursive = \"yes\"", "13: `sources.feeds.recursive` must be true or false"),
    (0, "vendors = 3", "11: `sources.feeds.vendors` must be a list of texts"),
    (0, "vendors = [\"a\", 3]", "17: `sources.feeds.vendors` must hold texts only"),
    (0, "format = \"csv\"", "10: `csv` is not known here (known: eventbridge)"),
    (0, "vendors = [\"a\", \"b\", \"a\"]", "22: `sources.feeds.vendors` lists `a` twice (leave one out)"),
    (0, "watch = 1", "9: `sources.feeds.watch` must be true or false"),
    (0, "poll = \"soon\"", "8: `soon` is no time: write 500ms, 30s, 5m or 1h"),
    (0, "poll = 5", "8: `sources.feeds.poll` must be a text in quotes"),
    (0, "poll = \"5\"", "8: `5` is no time: write 500ms, 30s, 5m or 1h"),
    (0, "poll = \"0s\"", "8: `sources.feeds.poll` must be from 10ms to 1h"),
    (
        0,
        "poll = \"99999999999999999999h\"",
        "8: `99999999999999999999h` is no time: write 500ms, 30s, 5m or 1h",
    ),
    (0, "grows = \"no\"", "9: `sources.feeds.grows` must be true or false"),
    (0, "arrival = \"now\"", "11: `now` is not known here (known: header, name, path, mtime)"),
    (0, "compression = \"gzipp\"", "15: `gzipp` is not known here (did you mean `gzip`?)"),
    (0, "batch_records = 0", "17: `sources.feeds.batch_records` must be a whole number from 1 to 100000"),
    (0, "batch_records = 0x10", "17: `sources.feeds.batch_records` must be a whole number from 1 to 100000"),
    (0, "batch_records = -1", "17: `sources.feeds.batch_records` must be a whole number from 1 to 100000"),
    (0, "batch_records = 1.5", "17: `sources.feeds.batch_records` must be a whole number from 1 to 100000"),
    (0, "batch_bytes = \"1MB\"", "15: `1MB` is no size: write 512KiB, 64MiB or 1GiB"),
    (0, "batch_bytes = \"2GiB\"", "15: `sources.feeds.batch_bytes` must be from 1B to 1GiB"),
    (0, "in_flight = \"0B\"", "13: `sources.feeds.in_flight` must be from 1B to 1024GiB"),
    (1, "instances = 65", "13: `decoders.layouts.instances` must be a whole number from 1 to 64"),
    (1, "mailbox = 1025", "11: `decoders.layouts.mailbox` must be a whole number from 1 to 1024"),
    (1, "vendor = 1", "10: `vendor` must hold tables, as in [vendor.name]"),
    (1, "vendor.a = 1", "12: `decoders.layouts.vendor.a` must be a table, as in [decoders.layouts.vendor.a]"),
    (
        1,
        "vendor.a.flow_timing = \"noon\"",
        "24: `noon` is not known here (known: split, start, end, mid, timed)",
    ),
    (1, "vendor.a.possible_duplicate = \"wat\"", "31: `wat` is not known here (did you mean `wait`?)"),
    (
        1,
        "vendor.a.account = \"x\"",
        "10: unknown key `account` in [decoders.layouts.vendor.a] (did you mean `account_no`?)",
    ),
    (
        1,
        "vendor.a.account_no = \"one\"",
        "23: `decoders.layouts.vendor.a.account_no` must name {vendor_account} once, and nothing else in braces (as in \"NT-{vendor_account}\")",
    ),
    (2, "accounts = 0", "12: `accumulators.returns.accounts` must be a whole number from 1 to 1073741824"),
    (2, "flow_timing = true", "15: `accumulators.returns.flow_timing` must be a text in quotes"),
    (2, "precedence = { a = 1 }", "14: `accumulators.returns.precedence` must be a list of texts"),
    (2, "failover = \"true\"", "12: `accumulators.returns.failover` must be true or false"),
    (
        2,
        "residual = \"5e1\"",
        "12: `accumulators.returns.residual` must be a decimal number of 0 or more (as in 0.0005)",
    ),
    (
        2,
        "residual = inf",
        "12: `accumulators.returns.residual` must be a decimal number of 0 or more (as in 0.0005)",
    ),
    (
        2,
        "residual = -1",
        "12: `accumulators.returns.residual` must be a decimal number of 0 or more (as in 0.0005)",
    ),
    (
        2,
        "residual = true",
        "12: `accumulators.returns.residual` must be a decimal number of 0 or more (as in 0.0005)",
    ),
    (
        2,
        "long_period_days = 367",
        "20: `accumulators.returns.long_period_days` must be a whole number from 1 to 366",
    ),
    (2, "on_undefined = \"stop\"", "16: `stop` is not known here (known: end, carry)"),
    (2, "reopen_after = 0", "16: `accumulators.returns.reopen_after` must be a whole number from 1 to 36500"),
    (3, "calendar = 1", "12: `checkers.rules.calendar` must be a text in quotes"),
    (
        3,
        "rules.pinned = true",
        "16: `checkers.rules.rules.pinned` must be a table, as in [checkers.rules.rules.pinned]",
    ),
    (3, "rules.pinned.warn = 1", "21: `checkers.rules.rules.pinned.warn` must be a table"),
    (
        3,
        "rules.pinned.warn.day = 1",
        "19: unknown key `day` in [checkers.rules.rules.pinned.warn] (did you mean `days`?)",
    ),
    (4, "batch_rows = 5_000_001", "14: `sinks.store.batch_rows` must be a whole number from 1 to 5000000"),
    (4, "linger = \"2h\"", "10: `sinks.store.linger` must be from 0ms to 1h"),
    (4, "lease = \"10ms\"", "9: `sinks.store.lease` must be from 1s to 1h"),
    (
        4,
        "path = \"\"",
        "8: `sinks.store.path` is no database file: it is empty (name a file, as in dietz.db)",
    ),
    (
        4,
        "path = \"data/\"",
        "8: `sinks.store.path` is no database file: it is a folder (name a file, as in dietz.db)",
    ),
    (
        4,
        "path = \":memory:\"",
        "8: `sinks.store.path` is no database file: what SQLite keeps in memory is lost at the end (name a file, as in dietz.db)",
    ),
    (
        4,
        "path = \"postgres://h/d\"",
        "8: `sinks.store.path` is no database file: it is a url; a Postgres store has type = \"postgres\" and `url` (name a file, as in dietz.db)",
    ),
    (
        4,
        "path = \"${DIETZ_NOT_SET}\"",
        "8: the environment has no `DIETZ_NOT_SET` (set DIETZ_NOT_SET before starting)",
    ),
];

#[test]
fn each_wrong_value_is_told_once_with_its_place_and_what_is_right() {
    let mut told = Vec::new();
    for (node, line, expected) in WRONG_VALUES {
        let mut more = [""; 5];
        more[node] = line;
        let [a, b, c, d, e] = more;
        let at = [4, 8, 11, 14, 18][node];
        let seen = wrong(&topology(a, b, c, d, e));
        if seen != [format!("{at}:{expected}")] {
            told.push((line, seen));
        }
    }
    assert!(told.is_empty(), "{told:#?}");
}

#[test]
fn the_bounds_themselves_are_within() {
    for [source, decoder, accumulator, sink] in [
        [
            "poll = \"10ms\"\nbatch_records = 1\nbatch_bytes = \"1B\"\nin_flight = \"1B\"",
            "instances = 1\nmailbox = 1",
            "accounts = 1\nresidual = 0\nlong_period_days = 1\nreopen_after = 1",
            "batch_rows = 1\nlinger = \"0ms\"\nlease = \"1s\"",
        ],
        [
            "poll = \"1h\"\nbatch_records = 100000\nbatch_bytes = \"1GiB\"\nin_flight = \"1024GiB\"",
            "instances = 64\nmailbox = 1024",
            "accounts = 1073741824\nlong_period_days = 366\nreopen_after = 36500",
            "batch_rows = 5000000\nlinger = \"1h\"\nlease = \"1h\"",
        ],
    ] {
        good(&topology(source, decoder, accumulator, "mailbox = 1024", sink));
    }
}

#[test]
fn all_mistakes_are_told_at_once_in_the_order_of_the_file() {
    let text = topology(
        "poll = \"soon\"\nwach = true",
        "instances = 0",
        "residual = \"x\"",
        "mailbox = 0",
        "lease = \"x\"",
    );
    let lines: Vec<String> =
        wrong(&text).iter().map(|w| w.split(':').next().unwrap_or("").to_owned()).collect();
    assert_eq!(lines, ["4", "5", "9", "12", "15", "19"]);
}

#[test]
fn a_node_that_lacks_what_it_needs_is_told_so_and_nothing_else() {
    let all = topology("watch = true", "", "", "", "linger = \"1s\"");
    let cases = [
        ("type = \"file\"\n", "1:1: `sources.feeds` needs `type` (known: file, kinesis, kafka, s3)"),
        ("path = \"in\"\n", "1:1: `sources.feeds` needs `path`: a file, a glob, a folder, or `-`"),
        ("vendors = \"vendors\"\n", "5:1: `decoders.layouts` needs `vendors`: folders with a mapping.toml"),
        ("type = \"sqlite\"\n", "15:1: `sinks.store` needs `type` (known: sqlite, postgres)"),
    ];
    for (line, expected) in cases {
        assert_eq!(wrong(&all.replacen(line, "", 1)), [expected], "without {line}");
    }
    let pulsar = all.replacen("type = \"file\"", "type = \"pulsar\"", 1);
    assert_eq!(wrong(&pulsar), ["2:8: `pulsar` is not known here (known: file, kinesis, kafka, s3)"]);
}

#[test]
fn a_store_is_given_by_what_its_type_takes() {
    let sink = |kind: &str, keys: &str| wrong(&topology("", "", "", "", keys).replace("sqlite", kind));
    assert_eq!(
        sink("sqlite", "url = \"u\""),
        ["15:1: `sinks.store` is a sqlite store: it has a `path`, no `url`"]
    );
    assert_eq!(
        sink("postgres", ""),
        ["15:1: `sinks.store` needs `url`, as in postgres://user@host/database"]
    );
    let both = sink("postgres", "url = \"u\"\npath = \"p\"");
    assert_eq!(both, ["15:1: `sinks.store` is a postgres store: it has a `url`, no `path`"]);
    assert_eq!(sink("mysql", ""), ["17:8: `mysql` is not known here (known: sqlite, postgres)"]);
}

#[test]
fn a_url_that_leads_to_no_database_is_told_without_its_password() {
    let url = |url: &str| {
        wrong(&topology("", "", "", "", &format!("url = \"{url}\"")).replace("\"sqlite\"", "\"postgres\""))
    };
    assert_eq!(
        url("nonsense"),
        ["18:7: `sinks.store.url` is no url of a Postgres database: it does not begin with postgres:// \
          (write postgres://user@host:5432/database, and in a password %40 %2F %3A %23 for @ / : #)"]
    );
    for wrong in ["mysql://u:secret@h/d", "postgres://u:secret@h:x/d", "postgres://u:se#cret@h/d"].map(url) {
        assert!(wrong.len() == 1 && wrong[0].starts_with("18:7: "), "{wrong:?}");
        assert!(!wrong[0].contains("secret") && !wrong[0].contains("cret@"), "{wrong:?}");
    }
}

#[test]
fn a_place_no_feed_can_come_from_is_told_at_its_word() {
    let path = |path: &str| {
        wrong(&topology("", "", "", "", "").replacen("path = \"in\"", &format!("path = {path}"), 1))
    };
    let what = "(name a file, a folder, a glob, or `-` for standard input)";
    assert_eq!(
        path("[\"in\", \"s3://bucket/in\"]"),
        [format!("3:15: `sources.feeds.path`: s3:// is no place files are read from {what}")]
    );
    assert_eq!(path("\" \""), [format!("3:8: `sources.feeds.path`: it is empty {what}")]);
    assert_eq!(path("[\"in\", \"in\"]"), ["3:15: `sources.feeds.path` lists `in` twice (leave one out)"]);
    let glob = path("\"in/[a\"");
    assert!(glob[0].starts_with("3:8: `sources.feeds`: `in/[a` is no glob"), "{glob:?}");
    let stdin = path("[\"-\", \"in\"]");
    assert!(stdin[0].starts_with("3:9: `sources.feeds`: `path = \"-\"`"), "{stdin:?}");
}

#[test]
fn an_input_listed_twice_is_told_at_the_second() {
    let twice = topology("", "", "", "", "").replacen("[\"feeds\"]", "[\"feeds\", \"feeds\"]", 1);
    assert_eq!(wrong(&twice), ["6:20: `decoders.layouts.inputs` lists `feeds` twice (leave one out)"]);
}

#[test]
fn the_environment_fills_values_and_nothing_else() {
    let path = std::env::var("PATH").unwrap();
    let t = good(&topology("", "", "", "", "path = \"/a/${PATH}/${PATH}.db\""));
    assert_eq!(t.sinks[0].kind.store, StoreAddress::Sqlite(format!("/a/{path}/{path}.db").into()));
    let listed = good(&topology("vendors = [\"${PATH}\"]", "", "", "", ""));
    assert_eq!(listed.sources[0].kind.vendors[0].text, path);
    let key = wrong(&topology("\"${PATH}\" = 1", "", "", "", ""));
    assert!(key[0].starts_with("4:1: unknown key `${PATH}` in [sources.feeds]"), "{key:?}");
    let open = wrong(&topology("", "", "", "", "path = \"${PATH\""));
    assert_eq!(open, ["18:8: `${` without its `}`"]);
    assert_eq!(
        wrong(&topology("", "", "", "", "path = \"$PATH\"")),
        Vec::<String>::new(),
        "no other spelling is filled in"
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    let told = wrong(&topology("poll = ", "", "", "", ""));
    assert!(told[0].starts_with("4:") && told[0].contains("not TOML"), "{told:?}");
}

#[test]
fn a_topology_that_is_no_graph_is_told_where() {
    let t = topology("", "", "", "", "");
    let change = |from: &str, to: &str| wrong(&t.replacen(from, to, 1));
    assert_eq!(
        change("inputs = [\"feeds\"]", "inputs = [\"feds\"]"),
        [
            "1:10: nothing reads `sources.feeds` (add \"feeds\" to the inputs of the decoder that shall read it, or take it out)",
            "6:11: `decoders.layouts` reads `feds`, and there is no [sources.feds] (did you mean `feeds`?)",
        ]
    );
    assert_eq!(
        change("inputs = [\"returns\"]\n", ""),
        [
            "9:15: nothing reads `accumulators.returns` (add \"returns\" to the inputs of the checker that shall read it, or take it out)",
            "12:11: `checkers.rules` has no inputs (add inputs = [...] with names of accumulators)",
        ]
    );
    let skips = change("inputs = [\"rules\"]", "inputs = [\"returns\"]");
    assert!(
        skips.iter().any(|w| w.contains("`sinks.store` reads `returns`, and there is no [checkers.returns]"))
    );
    let fed = change("path = \"in\"", "path = \"in\"\ninputs = [\"store\"]");
    assert_eq!(fed, ["4:11: `sources.feeds` is a source: nothing comes before it (leave `inputs` out)"]);
}

#[test]
fn there_is_one_accumulator_one_checker_one_sink_and_a_source() {
    let two =
        format!("{}[sinks.other]\ninputs = [\"rules\"]\ntype = \"sqlite\"\n", topology("", "", "", "", ""));
    assert_eq!(wrong(&two), ["19:8: a second one of sinks: exactly one sink is the store (take one out)"]);
    let told = wrong("");
    for missing in ["[accumulators.NAME]", "[checkers.NAME]", "[sinks.NAME]", "there is no source"] {
        assert!(told.iter().any(|w| w.contains(missing)), "{missing} in {told:?}");
    }
    let unknown = wrong(&format!("{}[emitters.x]\na = 1\n", topology("", "", "", "", "")));
    assert_eq!(unknown.len(), 1);
    assert!(unknown[0].contains("unknown key `emitters` in the topology"), "{unknown:?}");
}

/// The same topology over a source of another type.
fn from(source: &str) -> String {
    topology("", "", "", "", "").replace("type = \"file\"\npath = \"in\"\n", source)
}

#[test]
fn a_stream_and_a_bucket_have_the_documented_defaults() {
    use sources::kinesis::{Consumer, OnGap, Start};
    let place = |source: &str| good(&from(source)).sources[0].kind.place.clone();
    let Place::Kinesis(k) = place("type = \"kinesis\"\nstream = \"feeds\"\n") else { panic!("no stream") };
    assert_eq!(
        (&*k.stream, k.consumer, k.start, k.on_gap),
        ("feeds", Consumer::Polling, Start::TrimHorizon, OnGap::Stop)
    );
    assert_eq!((k.read_share, k.prefetch, k.compression), (100, 64 << 20, Compression::Auto));
    assert_eq!((k.poll, k.discover), (Duration::from_millis(250), Duration::from_secs(30)));
    let Place::Kafka(k) = place("type = \"kafka\"\nbrokers = \"b:1\"\ntopics = \"t\"\n") else {
        panic!("no topic")
    };
    assert_eq!((&*k.brokers, &*k.group, &*k.topics), ("b:1", "dietz", &["t".to_owned()][..]));
    assert!(k.settings.is_empty() && k.start == sources::kafka::Start::Earliest);
    let Place::S3(s) = place("type = \"s3\"\nbucket = \"b\"\n") else { panic!("no bucket") };
    assert_eq!((&*s.bucket, &*s.prefix, s.matching, s.events_from, s.watch), ("b", "", None, None, false));
}

#[test]
fn every_key_of_a_stream_says_what_it_is_read_as() {
    use sources::kinesis::{Consumer, OnGap, Start};
    let kinesis = "type = \"kinesis\"\nstream = \"s\"\nconsumer = \"fan_out\"\nconsumer_name = \"night\"\nstart = \"at_timestamp\"\n\
                   timestamp = \"2026-01-31T08:00:00Z\"\non_gap = \"continue\"\nread_share = 40\npoll = \"1s\"\ndiscover = \"5s\"\n\
                   prefetch = \"1MiB\"\ncompression = \"gzip\"\n";
    let Place::Kinesis(k) = good(&from(kinesis)).sources[0].kind.place.clone() else { panic!("no stream") };
    assert_eq!(k.consumer, Consumer::FanOut { name: "night".into() });
    assert_eq!(
        (k.start, k.on_gap, k.read_share),
        (Start::AtTimestamp(1_769_846_400_000_000), OnGap::Continue, 40)
    );
    let kafka = "type = \"kafka\"\nbrokers = \"b:1\"\ntopics = [\"t\", \"u\"]\ngroup = \"g\"\nstart = \"latest\"\n\
                 settings = { \"security.protocol\" = \"PLAINTEXT\", \"fetch.max.bytes\" = 1000, \"check.crcs\" = true }\n";
    let Place::Kafka(k) = good(&from(kafka)).sources[0].kind.place.clone() else { panic!("no topic") };
    let settings: Vec<_> = k.settings.iter().map(|(name, text)| format!("{name}={text}")).collect();
    assert_eq!(settings, ["check.crcs=true", "fetch.max.bytes=1000", "security.protocol=PLAINTEXT"]);
    assert_eq!((k.start, &*k.group, k.topics.len()), (sources::kafka::Start::Latest, "g", 2));
}

#[test]
fn a_stream_that_says_too_little_or_too_much_is_told_so() {
    for (source, expected) in [
        ("type = \"kinesis\"\n", "1:1: `sources.feeds` needs `stream`: the stream's name or ARN"),
        (
            "type = \"kinesis\"\nstream = \" \"\n",
            "3:10: `sources.feeds.stream` is empty: write the stream's name or ARN",
        ),
        ("type = \"kinesis\"\nstream = \"s\"\nread_share = 0\n", "4:14: "),
        (
            "type = \"kinesis\"\nstream = \"s\"\nconsumer_name = \"n\"\n",
            "4:1: `sources.feeds.consumer_name`: who polls has no name",
        ),
        (
            "type = \"kinesis\"\nstream = \"s\"\nstart = \"at_timestamp\"\n",
            "1:1: `sources.feeds` starts at a timestamp and has none",
        ),
        (
            "type = \"kinesis\"\nstream = \"s\"\ntimestamp = \"x\"\n",
            "4:1: `sources.feeds.timestamp` says nothing beside another `start`",
        ),
        (
            "type = \"kinesis\"\nstream = \"s\"\nstart = \"at_timestamp\"\ntimestamp = \"2026-01-31\"\n",
            "5:13: `sources.feeds.timestamp`: `2026-01-31` is no time",
        ),
        ("type = \"kinesis\"\nstream = \"s\"\npath = \"in\"\n", "4:1: unknown key `path` in [sources.feeds]"),
        ("type = \"kafka\"\nbrokers = \"b:1\"\n", "1:1: `sources.feeds` needs `topics`"),
        ("type = \"kafka\"\ntopics = \"t\"\n", "1:1: `sources.feeds` needs `brokers`"),
        (
            "type = \"kafka\"\nbrokers = \"b:1\"\ntopics = \"t\"\nsettings = { a = [1] }\n",
            "5:18: `sources.feeds.settings.a` must be a text",
        ),
        ("type = \"s3\"\n", "1:1: `sources.feeds` needs `bucket`: the bucket's name"),
    ] {
        let told = wrong(&from(source));
        assert!(told.len() == 1 && told[0].starts_with(expected), "{source}: {told:?}");
    }
}

#[test]
fn events_are_told_by_another_source_of_events() {
    let told = |name: &str, format: &str| {
        let source = format!(
            "type = \"s3\"\nbucket = \"b\"\nevents_from = \"{name}\"\n[sources.events]\ntype = \"file\"\npath = \"e\"\n{format}"
        );
        wrong(&from(&source).replace("inputs = [\"feeds\"]", "inputs = [\"feeds\", \"events\"]"))
    };
    let events = "format = \"eventbridge\"\n";
    assert_eq!(told("events", events), [""; 0]);
    for (name, format, expected) in [
        ("events", "", "4:15: `sources.feeds.events_from`: `events` carries no events"),
        (
            "evnts",
            events,
            "4:15: `sources.feeds.events_from` names `evnts`, and no other source is called so",
        ),
        ("feeds", events, "4:15: `sources.feeds.events_from` names `feeds`"),
    ] {
        let told = told(name, format);
        assert!(told.len() == 1 && told[0].starts_with(expected), "{told:?}");
    }
}

#[test]
fn a_pattern_of_names_that_is_no_glob_is_told_with_its_place() {
    let told = wrong(&from("type = \"s3\"\nbucket = \"b\"\nmatching = \"[a\"\n"));
    assert!(
        told.len() == 1 && told[0].starts_with("4:12: `sources.feeds.matching`: `[a` is no glob"),
        "{told:?}"
    );
}
