//! What every store promises of whole feeds.
use crate::Opened;
use crate::make::*;
use record::{Delivery, FeedKey, Progress, Survey};
use returns::fact::Holding;
use returns::ledger::{RowChange, StoredFact, WaitingReason};
use returns::{Body, Reason};
use std::sync::Arc;
use store::{
    Affected, AffectedAccount, BadRecords, BreakWrite, CommitUnit, DeltaWrite, FeedSpec, FeedStep, FileSpec,
    OpenFeed, QuarantineWrite, StandingFeed,
};

/// The first file's step to an end or on, over dates.
fn step(ready: &Ready, to: Progress, dates: Option<(&str, &str)>) -> CommitUnit {
    let dates = dates.map(|(first, last)| (date(first), date(last)));
    let feeds = vec![FeedStep { feed: ready.feed, dates, through: to == Progress::End, delivery: None }];
    let from = if to == Progress::End { at(1) } else { Progress::Start };
    CommitUnit { deltas: vec![store::DeltaWrite { feeds, ..ready.delta(from, to) }], ..ready.unit() }
}

async fn standing(ready: &Ready) -> Vec<StandingFeed> {
    let mut feeds = ready.store().standing_feeds(&["alpha".into()]).await.unwrap();
    feeds.sort_by_key(|feed| feed.key);
    feeds
}

async fn affected(ready: &Ready, what: Affected) -> Vec<AffectedAccount> {
    let mut accounts = ready.store().affected(&what).await.unwrap();
    accounts.sort_by(|a, b| a.account_no.cmp(&b.account_no));
    accounts
}

fn account_days(number: &str, from: &str, until: &str, whole: bool) -> AffectedAccount {
    AffectedAccount { account_no: number.into(), from: date(from), until: date(until), whole }
}

pub async fn of_copies_the_earliest_gives_a_feed_its_arrival(opened: Opened) {
    let ready = Ready::new(opened).await;
    let copy = |name: &str, arrival| FeedSpec { arrival, ..file(name, 1) };
    let arrived = ready.store().open_feed(&copy("z.csv", Some(5))).await.unwrap();
    assert_eq!(
        arrived,
        OpenFeed { key: ready.feed, arrival: Some(5), mapping_version: 1, earlier: Vec::new() }
    );
    let later = ready.store().open_feed(&copy("a.csv", Some(6))).await.unwrap();
    assert_eq!(later, arrived, "a later copy is no news");
    let day =
        |version| FeedSpec { hash: None, mapping_version: version, status: "open", ..file("stream", 0) };
    let stream = ready.store().open_feed(&day(3)).await.unwrap();
    let gone_on = ready.store().open_feed(&day(4)).await.unwrap();
    assert_eq!(
        (gone_on.key, gone_on.mapping_version),
        (stream.key, 3),
        "a stream goes on with another mapping"
    );
    let version = |version: &str| Some(version.into());
    let object = FeedSpec { object_version: version("v2"), ..copy("b.csv", Some(5)) };
    ready.store().open_feed(&object).await.unwrap();
    let again = FeedSpec { object_version: version("v3"), ..copy("b.csv", Some(5)) };
    ready.store().open_feed(&again).await.unwrap();
    let feed = ready.store().reader().feed_name(ready.feed).await.unwrap().unwrap();
    assert_eq!((feed.name.as_str(), feed.arrival), ("b.csv", Some(5)), "of equal arrivals the first by name");
    assert_eq!(feed.object_version, Some("v2".into()), "of one content the version it came in");
    let new = FeedSpec { object_version: version("v4"), ..file("b.csv", 9) };
    let new = ready.store().open_feed(&new).await.unwrap().key;
    let new = ready.store().reader().feed_name(new).await.unwrap().unwrap();
    assert_eq!(
        (new.name, new.object_version),
        ("b.csv".into(), Some("v4".into())),
        "another content is another feed"
    );
    let refused = |v: &str| FeedSpec {
        object_version: version(v),
        hash: None,
        status: "refused",
        ..file("bad.csv", 0)
    };
    let known = ready.store().open_feed(&refused("v5")).await.unwrap().key;
    assert_eq!(ready.store().open_feed(&refused("v6")).await.unwrap().key, known);
    let refused = ready.store().reader().feed_name(known).await.unwrap().unwrap();
    assert_eq!(
        refused.object_version,
        version("v6").map(|v: std::sync::Arc<str>| v.to_string()),
        "what is refused is known by its name"
    );
    let none = ready.store().open_feed(&copy("y.csv", None)).await.unwrap();
    assert_eq!(none.arrival, None, "no time sorts below every time");
}

pub async fn what_a_read_through_told_comes_back_as_it_was(opened: Opened) {
    let ready = Ready::new(opened).await;
    let store = ready.store();
    let known = async || {
        let known = store.partitions("feeds/").await.unwrap().into_iter();
        known.map(|k| (k.id.to_string(), k.file_size, k.read_through)).collect::<Vec<_>>()
    };
    let told: Vec<u8> = (0..=255).collect();
    let [mut first, mut copy] = ["day-1.csv", "day-2.csv"].map(|name| file(name, 1));
    first.file.read_through = Some(told.clone());
    (copy.file.bytes, copy.file.read_through) = (Some(7), None);
    for spec in [&first, &copy, &first] {
        store.open_feed(spec).await.unwrap();
    }
    let kept =
        [("feeds/day-1.csv".into(), Some(1000), Some(told)), ("feeds/day-2.csv".into(), Some(7), None)];
    assert_eq!(known().await, kept, "each copy has its own");
    open_partition(store, &ready.generation, &ready.partition_id).await;
    store.rewind(&ready.generation, std::slice::from_ref(&ready.partition_id)).await.unwrap();
    assert_eq!(known().await, kept, "a file set back to its start is the same file");
    store.note_file(&FileSpec { read_through: None, ..first.file }).await.unwrap();
    assert_eq!(known().await[0], ("feeds/day-1.csv".into(), Some(1000), None), "forgotten");
}

pub async fn a_feed_is_complete_with_the_step_that_reaches_its_end(opened: Opened) {
    let ready = Ready::new(opened).await;
    let day = FeedSpec { hash: None, name: "2025-01-02".into(), status: "open", ..file("stream", 0) };
    ready.store().open_feed(&day).await.unwrap();
    ready.store().open_feed(&FeedSpec { status: "waiting", ..file("day-9.csv", 9) }).await.unwrap();
    let known = |through| StandingFeed {
        key: ready.feed,
        layout: "alpha".into(),
        business_date: Some(date("2025-01-02")),
        arrival: Some(1_700_000_000_000_000),
        through,
        waits: false,
        unread: false,
        earlier: Vec::new(),
    };
    ready.commit(step(&ready, at(1), Some(("2025-01-02", "2025-01-03")))).await;
    assert_eq!(standing(&ready).await, [known(false)], "neither a stream nor what waits stands");
    ready.commit(step(&ready, Progress::End, None)).await;
    assert_eq!(standing(&ready).await, [known(true)]);
    ready.store().open_feed(&file("day-1.csv", 1)).await.unwrap();
    assert_eq!(standing(&ready).await, [known(true)], "and stays so when it is opened again");
    assert_eq!(ready.store().standing_feeds(&["beta".into()]).await.unwrap(), []);
}

pub async fn what_one_feed_says_and_another_lacks_is_found(opened: Opened) {
    let ready = Ready::new(opened).await;
    let newer = ready.store().open_feed(&file("day-1b.csv", 2)).await.unwrap().key;
    let of = |feed: FeedKey, mut stored: returns::ledger::StoredFact| {
        stored.fact.feed = feed;
        stored
    };
    // its row carries a summary both have said. A-2: the row's is in the older alone. A-3: a flow with an id, of another date in the
    // newer. A-4: a flow with an id that the newer lacks, and a date beyond the dates of the feed.
    let both = row("2025-01-02", "100");
    let mut again = returns::ledger::summary_of(&both);
    again.feed = newer;
    let again = returns::ledger::StoredFact { fact: again, in_row: false, waiting: None };
    let new = |account, day: &str| write(account, RowChange::New(row(day, "100")));
    let unit = CommitUnit {
        accounts: vec![account(2, "A-2"), account(3, "A-3"), account(4, "A-4")],
        rows: vec![write(1, RowChange::New(both)), new(2, "2025-01-03"), new(4, "2025-01-09")],
        facts: [
            facts(1, [again]),
            facts(
                3,
                [of(ready.feed, flow("2025-01-02", "T1", "5")), of(newer, flow("2025-01-03", "T1", "5"))],
            ),
            facts(4, [of(ready.feed, flow("2025-01-02", "T2", "5"))]),
        ]
        .concat(),
        ..step(&ready, at(1), Some(("2025-01-02", "2025-01-03")))
    };
    ready.commit(unit).await;
    let found = affected(&ready, Affected::Lacking { of: ready.feed, dates: None, beside: newer }).await;
    let expected = [
        account_days("A-2", "2025-01-03", "2025-01-03", false),
        account_days("A-4", "2025-01-02", "2025-01-02", true),
    ];
    assert_eq!(found, expected);
    let back = affected(&ready, Affected::Lacking { of: newer, dates: None, beside: ready.feed }).await;
    assert_eq!(back, [], "a feed without dates of its own has said nothing yet");
    // Rows of it were committed ahead of the step that tells its dates.
    let dates = Some((date("2025-01-02"), date("2025-01-02")));
    let other = FeedKey(99);
    let ahead = affected(&ready, Affected::Lacking { of: newer, dates, beside: other }).await;
    assert_eq!(ahead, [account_days("A-1", "2025-01-02", "2025-01-02", false)]);
}

pub async fn holdings_of_a_feed_and_open_days_of_a_vendor_are_found(opened: Opened) {
    let ready = Ready::new(opened).await;
    let body = Body::Holding(Holding {
        security: "X".into(),
        value: dec("5"),
        accrued: dec("0"),
        quantity: None,
        price: None,
        currency: None,
    });
    let mut open = row("2025-01-02", "100");
    open.reasons.insert(Reason::Incomplete);
    let mut later = row("2025-01-06", "100");
    later.reasons.insert(Reason::Incomplete);
    later.reasons.insert(Reason::Corrected);
    let held = facts(1, [fact("2025-01-02", Some("X"), body.clone()), fact("2025-01-03", Some("X"), body)]);
    let unit = CommitUnit {
        accounts: vec![account(2, "A-2"), account(3, "A-3")],
        rows: vec![
            write(1, RowChange::New(open)),
            write(2, RowChange::New(later)),
            write(3, RowChange::New(row("2025-01-02", "7"))),
        ],
        facts: held,
        ..step(&ready, at(1), Some(("2025-01-02", "2025-01-06")))
    };
    ready.commit(unit).await;
    let holdings = affected(&ready, Affected::Holdings { of: ready.feed, dates: None }).await;
    assert_eq!(holdings, [account_days("A-1", "2025-01-02", "2025-01-03", false)]);
    let open = |until: Option<&str>| Affected::Open { vendor: "alpha".into(), until: until.map(date) };
    let first = account_days("A-1", "2025-01-02", "2025-01-02", false);
    assert_eq!(affected(&ready, open(Some("2025-01-05"))).await, std::slice::from_ref(&first));
    let second = account_days("A-2", "2025-01-06", "2025-01-06", false);
    assert_eq!(affected(&ready, open(None)).await, [first, second]);
    assert_eq!(affected(&ready, Affected::Open { vendor: "beta".into(), until: None }).await, []);
}

pub async fn bad_records_of_a_feed_are_counted(opened: Opened) {
    let ready = Ready::new(opened).await;
    let record = |n: u64, account: Option<i64>| QuarantineWrite {
        vendor: "alpha".into(),
        partition: ready.partition.key,
        position: at(n),
        line: Some(n),
        feed: ready.feed,
        code: "bad_number".into(),
        text: "no number".into(),
        field: None,
        raw: b"x".to_vec(),
        length: 1,
        raw_hash: [9; 32],
        account,
        vendor_account: None,
        as_of: Some(date("2025-01-02")),
        mapping_version: 1,
    };
    let named = [record(1, Some(1)), record(20, Some(1))].to_vec();
    ready.commit(CommitUnit { quarantine: named, ..ready.unit() }).await;
    let bad =
        async |before| ready.store().bad_records(ready.feed, ready.partition.key, before).await.unwrap();
    assert_eq!(bad(at(19)).await, BadRecords { count: 1, unread: false });
    assert_eq!(bad(at(20)).await.count, 2, "a checkpoint is the place of the last record read");
    assert_eq!(bad(Progress::End).await, BadRecords { count: 2, unread: false });
    ready.commit(CommitUnit { quarantine: vec![record(3, None)], ..ready.unit() }).await;
    assert_eq!(
        bad(at(2)).await,
        BadRecords { count: 1, unread: true },
        "unread of the feed, wherever it stands"
    );
    assert!(standing(&ready).await[0].unread);
    let other = ready.store().open_feed(&file("day-2.csv", 2)).await.unwrap().key;
    let none = ready.store().bad_records(other, ready.partition.key, Progress::End).await.unwrap();
    assert_eq!(none, BadRecords::default());
}

pub async fn a_feed_read_again_replaces_its_earlier_readings_when_it_is_in(opened: Opened) {
    let ready = Ready::new(opened).await;
    let bad = QuarantineWrite {
        vendor: "alpha".into(),
        partition: ready.partition.key,
        position: at(1),
        line: Some(1),
        feed: ready.feed,
        code: "unknown_code".into(),
        text: "no such code".into(),
        field: None,
        raw: b"x".to_vec(),
        length: 1,
        raw_hash: [9; 32],
        account: None,
        vendor_account: None,
        as_of: None,
        mapping_version: 1,
    };
    let break_of_feed =
        BreakWrite { account: None, as_of: None, feed: Some(ready.feed), ..broken("quarantined_input", "1") };
    let unit = CommitUnit {
        rows: vec![write(1, RowChange::New(row("2025-01-02", "100")))],
        quarantine: vec![bad.clone()],
        breaks: vec![break_of_feed],
        ..step(&ready, at(1), Some(("2025-01-02", "2025-01-02")))
    };
    ready.commit(unit).await;
    let open = open_partition(ready.store(), &ready.generation, &ready.partition_id).await;
    assert_eq!(open.feed, Some(ready.feed), "what was read so far is of this feed");

    let again = FeedSpec { mapping_version: 2, ..file("day-1.csv", 1) };
    let opened = ready.store().open_feed(&again).await.unwrap();
    assert_ne!(opened.key, ready.feed);
    assert_eq!(opened.earlier, [ready.feed]);
    let third = FeedSpec { mapping_version: 3, ..again.clone() };
    let latest = ready.store().open_feed(&third).await.unwrap();
    assert_eq!(latest.earlier, [ready.feed, opened.key]);
    // A layout that nobody asked for: it is told because it is read again.
    let told = ready.store().standing_feeds(&[]).await.unwrap();
    assert_eq!(
        told.iter().map(|f| (f.key, f.through)).collect::<Vec<_>>(),
        [(opened.key, false), (latest.key, false)]
    );
    let all = Affected::All { of: ready.feed, dates: None };
    assert_eq!(affected(&ready, all).await, [account_days("A-1", "2025-01-02", "2025-01-02", true)]);

    ready.store().rewind(&ready.generation, std::slice::from_ref(&ready.partition_id)).await.unwrap();
    let open = open_partition(ready.store(), &ready.generation, &ready.partition_id).await;
    let through = FeedStep { feed: latest.key, dates: None, through: true, delivery: None };
    let delta = store::DeltaWrite {
        token: open.token,
        feeds: vec![through],
        ..ready.delta(Progress::Start, Progress::End)
    };
    let still_bad = QuarantineWrite { feed: latest.key, mapping_version: 3, ..bad };
    ready.commit(CommitUnit { quarantine: vec![still_bad], deltas: vec![delta], ..ready.unit() }).await;
    let statuses: Vec<(i64, String)> =
        ready.store().reader().feeds().await.unwrap().into_iter().map(|f| (f.id, f.status)).collect();
    let expected = [(ready.feed, "replaced"), (opened.key, "replaced"), (latest.key, "complete")];
    assert_eq!(statuses, expected.map(|(key, status)| (key.0, status.to_owned())));
    let records = ready.store().reader().quarantine(&Default::default(), 0, 10).await.unwrap();
    let records: Vec<(i64, String)> = records.into_iter().map(|q| (q.mapping_version, q.status)).collect();
    assert_eq!(records, [(1, "replaced".into()), (3, "open".into())]);
    assert_eq!(ready.store().reader().breaks(Some("open")).await.unwrap(), []);

    // With a version that finds its count wrong it waits, and what was read before does not come back.
    let fourth = FeedSpec { mapping_version: 4, status: "waiting", ..again };
    let waiting = ready.store().open_feed(&fourth).await.unwrap();
    let told = async || {
        let told = ready.store().standing_feeds(&[]).await.unwrap().into_iter();
        told.map(|f| (f.key, f.through, f.waits)).collect::<Vec<_>>()
    };
    assert_eq!(told().await, [(latest.key, true, false), (waiting.key, false, true)]);
    let delta = store::DeltaWrite {
        token: open.token,
        feeds: vec![FeedStep { feed: waiting.key, dates: None, through: true, delivery: None }],
        ..ready.delta(Progress::End, Progress::End)
    };
    ready.commit(CommitUnit { deltas: vec![delta], ..ready.unit() }).await;
    assert_eq!(told().await, [(waiting.key, true, true)]);
}

/// Feeds that are read one after the other, each to its end; those that wait open a break with their step.
struct Read<'a> {
    ready: &'a Ready,
    steps: u64,
}

impl Read<'_> {
    /// Returns how many breaks that resolved.
    async fn through(&mut self, spec: FeedSpec, rule: &'static str) -> u64 {
        let feed = self.ready.store().open_feed(&spec).await.unwrap().key;
        let from = if self.steps == 0 { Progress::Start } else { at(self.steps) };
        self.steps += 1;
        let step = FeedStep { feed, dates: None, through: true, delivery: None };
        let delta = DeltaWrite { feeds: vec![step], ..self.ready.delta(from, at(self.steps)) };
        let waits = spec.status == "waiting";
        let breaks = if waits { vec![control(feed, rule)] } else { Vec::new() };
        let unit = CommitUnit { deltas: vec![delta], breaks, ..self.ready.unit() };
        self.ready.commit(unit).await.breaks_resolved
    }

    async fn open(&self) -> usize {
        self.ready.store().reader().breaks(Some("open")).await.unwrap().len()
    }
}

fn control(feed: FeedKey, rule: &'static str) -> BreakWrite {
    BreakWrite {
        rule,
        severity: "block",
        account: None,
        vendor: Some("alpha".into()),
        as_of: None,
        feed: Some(feed),
        position: None,
        expected: None,
        actual: None,
        difference: None,
        difference_bp: None,
        tolerance: None,
        hint: None,
        broken: true,
    }
}

/// A file called `v.csv`, of such bytes, that came at such a time.
fn sent(hash: u8, arrival: Option<i64>, status: &'static str) -> FeedSpec {
    FeedSpec { arrival, status, ..file("v.csv", hash) }
}

pub async fn a_waiting_feed_that_comes_again_whole_under_its_name_is_settled(opened: Opened) {
    let ready = Ready::new(opened).await;
    let mut read = Read { ready: &ready, steps: 0 };
    assert_eq!(read.through(sent(11, None, "waiting"), "control_count").await, 0);
    assert_eq!(read.through(sent(12, Some(5), "waiting"), "control_total").await, 0);
    assert_eq!(read.open().await, 2);
    assert_eq!(read.through(sent(13, Some(5), "coming"), "").await, 2, "a name alone is before every time");
    assert_eq!(read.open().await, 0);
    // Whichever is read first: what waits and came before it is settled as it opens.
    let undated = FeedSpec { business_date: None, ..sent(14, Some(4), "waiting") };
    assert_eq!(read.through(undated, "control_count").await, 1, "it does not say that it is of another day");
    assert_eq!(read.open().await, 0);
    assert_eq!(read.through(sent(15, Some(6), "waiting"), "control_count").await, 0, "it came later");
    assert_eq!(read.open().await, 1);
}

pub async fn a_feed_settles_no_other_delivery(opened: Opened) {
    let ready = Ready::new(opened).await;
    let mut read = Read { ready: &ready, steps: 0 };
    read.through(sent(11, Some(5), "waiting"), "control_count").await;
    let whole = |hash| sent(hash, Some(9), "coming");
    let others = [
        FeedSpec { business_date: Some(date("2025-01-03")), ..whole(21) },
        FeedSpec { name: "w.csv".into(), ..whole(22) },
        FeedSpec { file: FileSpec { source: "others".into(), ..whole(23).file }, ..whole(23) },
        FeedSpec { vendor: "beta".into(), ..whole(24) },
        FeedSpec { arrival: Some(4), ..whole(25) },
        FeedSpec { arrival: None, ..whole(26) },
    ];
    for other in others {
        assert_eq!(read.through(other.clone(), "").await, 0, "{other:?}");
    }
    // Of a feed whose facts stand nothing is settled, and of one that waits no other rule.
    let later = |spec| FeedSpec { business_date: Some(date("2025-01-07")), ..spec };
    let stands = ready.store().open_feed(&later(whole(31))).await.unwrap().key;
    ready.commit(CommitUnit { breaks: vec![control(stands, "control_count")], ..ready.unit() }).await;
    read.through(later(sent(32, Some(5), "waiting")), "bad_share").await;
    assert_eq!(read.through(later(whole(33)), "").await, 0);
    assert_eq!(read.open().await, 3);
}

/// A step of a delivery in several messages, over two days.
fn delivered(feed: FeedKey, stands: Delivery) -> Vec<FeedStep> {
    let dates = Some((date("2025-01-02"), date("2025-01-03")));
    vec![FeedStep { feed, dates, through: false, delivery: Some(Arc::new(stands)) }]
}

pub async fn what_a_delivery_is_read_on_with_is_kept_until_it_is_over(opened: Opened) {
    let ready = Ready::new(opened).await;
    let spec = |name: &str, hash| {
        let in_file = file(name, hash).file;
        let file_spec = FileSpec { partition: ready.partition_id.clone(), modified: None, ..in_file };
        FeedSpec { status: "waiting", declared: None, counted: None, file: file_spec, ..file(name, hash) }
    };
    let mut feeds = Vec::new();
    for n in 7..10 {
        feeds.push(ready.store().open_feed(&spec(&format!("from message {n}"), n)).await.unwrap().key);
    }
    let open = async || {
        let open = ready.store().open_deliveries(ready.partition.key).await.unwrap();
        open.into_iter().map(|d| (d.vendor.to_string(), d.mapping_version, d.kept)).collect::<Vec<_>>()
    };
    let kept = |kept: u8| ("alpha".to_owned(), 1, vec![kept]);
    assert_eq!(open().await, []);
    // All in one transaction, as when a run catches up.
    let steps = [(0, 1), (1, 2), (0, 3), (2, 4)];
    let delta = |n: usize, feeds| {
        let from = if n == 0 { Progress::Start } else { at(n as u64) };
        DeltaWrite { feeds, ..ready.delta(from, at(n as u64 + 1)) }
    };
    let deltas = steps
        .iter()
        .enumerate()
        .map(|(n, (feed, kept))| delta(n, delivered(feeds[*feed], Delivery::Open { kept: vec![*kept] })));
    ready.commit(CommitUnit { deltas: deltas.collect(), ..ready.unit() }).await;
    assert_eq!(open().await, [kept(3), kept(2), kept(4)], "in the order they were registered in");

    let survey = |counted| Survey { declared: Some(3), counted, ..Survey::default() };
    let whole = delta(4, delivered(feeds[0], Delivery::Whole(survey(3))));
    let waits = delta(5, delivered(feeds[1], Delivery::Waits(survey(2))));
    ready.commit(CommitUnit { deltas: vec![whole, waits], ..ready.unit() }).await;
    assert_eq!(open().await, [kept(4)]);
    let told = ready.store().reader().feeds().await.unwrap();
    let told: Vec<_> = told.into_iter().skip(1).map(|f| (f.status, f.declared, f.counted)).collect();
    let waiting = |declared, counted| ("waiting".to_owned(), declared, counted);
    let expected = [("complete".into(), Some(3), Some(3)), waiting(Some(3), Some(2)), waiting(None, None)];
    assert_eq!(told, expected);
    ready.store().rewind(&ready.generation, std::slice::from_ref(&ready.partition_id)).await.unwrap();
    assert_eq!(open().await, [], "read from the start, it begins anew");
}

pub async fn accounts_with_facts_that_wait_for_a_feeds_trailer_are_found(opened: Opened) {
    let ready = Ready::new(opened).await;
    let waits = |stored| StoredFact { waiting: Some(WaitingReason::Trailer), ..stored };
    let value = Body::Holding(Holding {
        security: "X".into(),
        value: dec("5"),
        accrued: dec("0"),
        quantity: None,
        price: None,
        currency: None,
    });
    let mut all = facts(1, [waits(fact("2025-01-02", Some("X"), value.clone()))]);
    all.extend(facts(1, [waits(fact("2025-01-03", Some("X"), value.clone()))]));
    all.extend(facts(2, [waits(flow("2025-01-03", "id", "4"))]));
    all.extend(facts(3, [fact("2025-01-03", Some("X"), value)]));
    let unit = CommitUnit {
        accounts: vec![account(2, "A-2"), account(3, "A-3")],
        facts: all,
        ..step(&ready, at(1), Some(("2025-01-02", "2025-01-02")))
    };
    ready.commit(unit).await;
    // The last day is not committed with a step yet.
    let dates = Some((date("2025-01-03"), date("2025-01-03")));
    let of = |dates| Affected::Waiting { of: ready.feed, dates };
    let expected = [
        account_days("A-1", "2025-01-02", "2025-01-03", false),
        account_days("A-2", "2025-01-03", "2025-01-03", true),
    ];
    assert_eq!(affected(&ready, of(dates)).await, expected);
    let committed = account_days("A-1", "2025-01-02", "2025-01-02", false);
    assert_eq!(affected(&ready, of(None)).await, [committed]);
}
