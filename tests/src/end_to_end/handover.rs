//! One pipeline after the other on one store, under load: stopped, killed, paused. What they leave is what an undisturbed run leaves.
mod load;

use super::dietz::{Pipeline, until};
use load::{House, Writer};
use std::time::{Duration, Instant};

const HANDOVERS: usize = 50;

fn told(what: &str, mut gaps: Vec<Duration>) -> Duration {
    gaps.sort_unstable();
    let (median, worst) = (gaps[gaps.len() / 2], gaps[gaps.len() - 1]);
    println!("{what}: read on after {median:?} (median of {}), {worst:?} at worst", gaps.len());
    median
}

/// The lease is long: who does not give it back keeps the next one waiting for it.
fn stopped_fifty_times_ends_the_same(house: &House) {
    let writer = Writer::start(&house.feed);
    let mut active = house.spawn();
    house.until(&active, "active");
    let mut gaps = Vec::new();
    while gaps.len() < HANDOVERS {
        let next = house.standby();
        let since = Instant::now();
        active.signal("-TERM");
        gaps.push(house.reads_on(&next, since));
        assert_eq!(active.wait().code(), Some(0), "{}", active.said());
        active = next;
    }
    writer.stop();
    house.all_is_committed();
    active.stop();
    let median = told("stopped", gaps);
    assert!(median < Duration::from_secs(1), "another reads on within a second, not after {median:?}");
    house.ended_right();
}

#[test]
fn fifty_handovers_under_load_leave_what_an_undisturbed_run_leaves_on_the_embedded_store() {
    stopped_fifty_times_ends_the_same(&House::embedded("30s"));
}

#[test]
fn fifty_handovers_under_load_leave_what_an_undisturbed_run_leaves_on_postgres() {
    stopped_fifty_times_ends_the_same(&House::on_postgres("30s"));
}

/// Over a stream each hand-over asks for new iterators, from where each shard is committed.
fn stopped_and_killed_over_a_stream_ends_the_same(house: &House) {
    let writer = Writer::start(&house.feed);
    let mut active = house.spawn();
    house.until(&active, "active");
    for n in 0..12 {
        let next = house.standby();
        let since = Instant::now();
        if n % 3 == 2 {
            active.kill();
        } else {
            active.stop();
        }
        house.reads_on(&next, since);
        active = next;
    }
    writer.stop();
    house.all_is_committed();
    active.stop();
    house.ended_right();
    assert_eq!(house.partitions(), 3, "each shard has a checkpoint of its own");
}

#[test]
fn twelve_handovers_over_a_stream_leave_what_an_undisturbed_run_leaves_on_the_embedded_store() {
    stopped_and_killed_over_a_stream_ends_the_same(&House::stream_embedded("1s"));
}

#[test]
fn twelve_handovers_over_a_stream_leave_what_an_undisturbed_run_leaves_on_postgres() {
    stopped_and_killed_over_a_stream_ends_the_same(&House::stream_on_postgres("1s"));
}

fn killed_is_replaced_within_its_lease(house: &House, lease: Duration) {
    let writer = Writer::start(&house.feed);
    let mut active = house.spawn();
    house.until(&active, "active");
    let mut gaps = Vec::new();
    while gaps.len() < 5 {
        let next = house.standby();
        let since = Instant::now();
        active.kill();
        gaps.push(house.reads_on(&next, since));
        active = next;
    }
    writer.stop();
    house.all_is_committed();
    active.stop();
    let median = told("killed, under a lease of 1 s", gaps);
    // To notice it and to begin takes a moment more.
    assert!(
        median < lease + Duration::from_secs(1),
        "another reads on within the lease time, not after {median:?}"
    );
    house.ended_right();
}

#[test]
fn a_killed_pipeline_is_replaced_within_its_lease_on_the_embedded_store() {
    killed_is_replaced_within_its_lease(&House::embedded("1s"), Duration::from_secs(1));
}

#[test]
fn a_killed_pipeline_is_replaced_within_its_lease_on_postgres() {
    killed_is_replaced_within_its_lease(&House::on_postgres("1s"), Duration::from_secs(1));
}

/// Whoever is paused past its lease finds its tokens gone when it wakes: it commits nothing, says why, and stands by.
fn paused_commits_nothing_more(house: &House, pause: impl FnOnce(&Pipeline)) {
    let mut active = house.spawn();
    house.until(&active, "active");
    let mut next = house.standby();
    pause(&active);
    let writer = Writer::start(&house.feed);
    house.reads_on(&next, Instant::now());
    active.signal("-CONT");
    let said = until("word of the lost lease", || {
        let said = active.said();
        (said.contains("the lease was lost to another process") && said.contains("standing by"))
            .then_some(said)
    });
    assert!(said.contains(&format!("/{}", next.id())), "it says who has the store: {said}");
    assert!(house.is(&next, "active"));
    house.until(&active, "standby");
    assert!(!next.said().contains("lost"), "{}", next.said());
    next.stop();
    house.reads_on(&active, Instant::now());
    writer.stop();
    house.all_is_committed();
    active.stop();
    house.ended_right();
}

#[test]
fn a_pipeline_paused_past_its_lease_commits_nothing_when_it_wakes_on_the_embedded_store() {
    let house = House::embedded("1s");
    // Paused in the middle of a transaction it would hold the lock of the file, and nobody could write: so not while it commits. What is
    // put then it finds when it wakes.
    paused_commits_nothing_more(&house, |active| {
        (0..200).for_each(|_| house.feed.put_a_day());
        house.all_is_committed();
        active.signal("-STOP");
        house.feed.put_a_day();
    });
}

#[test]
fn a_pipeline_paused_past_its_lease_commits_nothing_when_it_wakes_on_postgres() {
    let house = House::on_postgres("1s");
    // In the middle of its work: in a transaction, as a rule.
    paused_commits_nothing_more(&house, |active| {
        let writer = Writer::start(&house.feed);
        until("a part of the rows", || (house.rows() > 300).then_some(()));
        active.signal("-STOP");
        writer.stop();
    });
}

fn status_tells_who_holds_what(house: &House) {
    let json = || -> serde_json::Value {
        serde_json::from_str(&house.dietz.ok(&["status", "--format", "json"])).expect("JSON")
    };
    assert_eq!(json()["workers"].as_array().map(Vec::len), Some(0));
    let said = house.dietz.ok(&["status"]);
    assert!(said.contains("nobody is at work on the store"), "{said}");
    (0..20).for_each(|_| house.feed.put_a_day());
    let (active, standby) = (house.spawn(), house.spawn());
    house.all_is_committed();
    let (mut active, mut standby) =
        if house.is(&active, "active") { (active, standby) } else { (standby, active) };
    house.until(&standby, "standby");

    let told = json();
    let name = |p: &Pipeline| format!("/{}", p.id());
    let worker = |p: &Pipeline| {
        let all = told["workers"].as_array().expect("workers").iter();
        let mut mine = all.filter(|w| w["name"].as_str().is_some_and(|n| n.ends_with(&name(p))));
        mine.next().expect("a worker").clone()
    };
    let (first, second) = (worker(&active), worker(&standby));
    assert_eq!((&first["role"], &first["alive"]), (&"active".into(), &true.into()));
    assert_eq!((&first["slots"], &first["partitions"]), (&serde_json::json!(["0-255"]), &2.into()));
    assert_eq!((&second["role"], &second["slots"]), (&"standby".into(), &serde_json::json!([])));
    let partitions = told["partitions"].as_array().expect("partitions");
    assert_eq!(partitions.len(), 2);
    assert!(partitions.iter().all(|p| p["owner"] == first["name"] && p["age_seconds"].is_u64()), "{told:#}");
    assert_eq!((&told["records"]["unaccounted"], &told["records"]["decoded"]), (&"0".into(), &200.into()));
    let said = house.dietz.ok(&["status"]);
    for part in [name(&active).as_str(), "active", "standby", "0-255", "even.csv", "odd.csv", "decoded"] {
        assert!(said.contains(part), "no {part} in\n{said}");
    }
    standby.stop();
    active.stop();
    let told = json();
    assert_eq!(told["workers"].as_array().map(Vec::len), Some(0), "both have left: {told:#}");
    assert!(told["partitions"].as_array().is_some_and(|all| all.iter().all(|p| p["owner"].is_null())));
}

#[test]
fn status_tells_who_holds_what_beside_pipelines_and_without_on_the_embedded_store() {
    status_tells_who_holds_what(&House::embedded("5s"));
}

#[test]
fn status_tells_who_holds_what_beside_pipelines_and_without_on_postgres() {
    status_tells_who_holds_what(&House::on_postgres("5s"));
}
