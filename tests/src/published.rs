//! Worked examples that others have printed: a folder of cases, each with where its figure comes from.
//!
//! A case gives days (a value, flows, or both) and what is printed about them. The product's figure, rounded to as many
//! places as are printed, must be the printed one.
use crate::oracle::chain::Figures;
use crate::oracle::fold::Account;
use crate::oracle::number::{Q, abs, exact, int};
use crate::oracle::standing::Names;
use crate::oracle::window;
use record::{FeedKey, PartitionId, PartitionKey, Partitions, Position, Symbol};
use returns::fact::{Stated, Summary};
use returns::ledger::{Ground, Profile, StoredFact, fold};
use returns::policy::{FlowTiming, Vendor, VendorPolicy};
use returns::windows::{Series, Window};
use returns::{Arrival, Body, Content, Date, Decimal, Fact, Origin, Place, Policy, Row, Verdict};
use rust_decimal::RoundingStrategy;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// One file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    timing: String,
    /// `period`: the flows are those of the whole time since the value before.
    flows_span: Option<String>,
    source: Source,
    day: Vec<Day>,
    expect: Vec<Expect>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    title: String,
    author: String,
    /// Page, section, file and version, or address.
    r#where: String,
    /// What the figure is.
    figure: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Day {
    date: Date,
    value: Option<Decimal>,
    r#in: Option<Decimal>,
    out: Option<Decimal>,
}

/// A fraction as printed: its number of places is the precision.
#[derive(Deserialize, Debug)]
#[serde(untagged, deny_unknown_fields)]
enum Expect {
    Return { return_on: Date, printed: String },
    Cumulative { cumulative_on: Date, printed: String },
    Window { from: Date, to: Date, printed: String },
    Annualised { annualised_from: Date, to: Date, printed: String },
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("published")
}

fn cases() -> Vec<(String, Case)> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let case = toml::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        (path.file_stem().unwrap().to_string_lossy().into_owned(), case)
    };
    paths.into_iter().map(read).collect()
}

fn fact(case: &Case, day: &Day, n: usize) -> Fact {
    let given = [
        (Stated::END, day.value.is_some()),
        (Stated::CONTRIBUTIONS, day.r#in.is_some()),
        (Stated::DISTRIBUTIONS, day.out.is_some()),
        (Stated::FLOWS_OF_PERIOD, case.flows_span.as_deref() == Some("period")),
    ];
    let stated =
        given.into_iter().filter(|(_, is)| *is).fold(Stated::default(), |all, (one, _)| all.with(one));
    let summary = Summary {
        end: day.value.unwrap_or_default().normalize(),
        contributions: day.r#in.unwrap_or_default().normalize(),
        distributions: day.out.unwrap_or_default().normalize(),
        stated,
        ..Summary::default()
    };
    let mut fact = Fact {
        origin: Origin::Vendor(Vendor(0)),
        as_of: day.date,
        reference: None,
        revision: None,
        arrival: Arrival(None),
        place: Place { partition: PartitionKey(1), position: Position::in_file(n as u64, n as u64, 0) },
        feed: FeedKey(1),
        content: Content::default(),
        vendor_account: Symbol(0),
        mapping_version: 1,
        body: Body::Summary(summary),
    };
    fact.content = fact.content_of("");
    fact
}

fn policy(case: &Case) -> Policy {
    let mut vendor = VendorPolicy::new("source");
    let timings = FlowTiming::ALL.into_iter().find(|t| t.as_str() == case.timing);
    vendor.flow_timing = timings.unwrap_or_else(|| panic!("no flow timing is called `{}`", case.timing));
    Policy::new(vec![vendor])
}

fn rows(case: &Case) -> Vec<Row> {
    let policy = policy(case);
    let partitions = Partitions::default();
    partitions.insert(PartitionKey(1), PartitionId::new("published/case"));
    let facts: Vec<StoredFact> = case
        .day
        .iter()
        .enumerate()
        .map(|(n, day)| StoredFact { fact: fact(case, day, n), in_row: false, waiting: None })
        .collect();
    fold(
        &facts,
        &Profile::default(),
        Ground { policy: &policy, partitions: &partitions, feeds: &returns::ledger::NO_FEEDS },
    )
    .rows
}

impl Expect {
    fn printed(&self) -> Decimal {
        let (Expect::Return { printed, .. }
        | Expect::Cumulative { printed, .. }
        | Expect::Window { printed, .. }
        | Expect::Annualised { printed, .. }) = self;
        printed.parse().unwrap()
    }

    fn figure(&self, rows: &[Row]) -> Option<Decimal> {
        let on = |date: Date| rows.iter().find(|row| row.as_of == date);
        let window = |from: Date, to: Date| {
            let rows: Vec<_> = rows.iter().map(|row| (row, Verdict::Final)).collect();
            let series = Series { rows: &rows, imported_from: None, year_count: Default::default() };
            series.measure(Window::Between { from, to }, to).net.ok()
        };
        match *self {
            Expect::Return { return_on, .. } => on(return_on)?.twrr,
            Expect::Cumulative { cumulative_on, .. } => on(cumulative_on)?.cumulative_twrr(),
            Expect::Window { from, to, .. } => Some(window(from, to)?.cumulative),
            Expect::Annualised { annualised_from, to, .. } => window(annualised_from, to)?.annualised,
        }
    }
}

/// The same from the oracle's rows.
fn oracle_figure(case: &Case, expect: &Expect) -> Option<Q> {
    let facts: Vec<Fact> = case.day.iter().enumerate().map(|(n, day)| fact(case, day, n)).collect();
    let names = Names::from([(PartitionKey(1), "published/case".to_owned())]);
    let account =
        Account { facts: &facts, names: &names, policy: &policy(case), base_currency: None, whole: &[] };
    let figures: Vec<Figures> = account.rows().into_iter().map(|row| row.figures).collect();
    let on = |date: Date| figures.iter().find(|row| row.as_of == date);
    let net = |from: Date, to: Date| window::between(&figures, from, to, true).net.ok();
    match *expect {
        Expect::Return { return_on, .. } => on(return_on)?.twrr.clone(),
        Expect::Cumulative { cumulative_on, .. } => Some(on(cumulative_on)?.net.growth.clone()? - int(1)),
        Expect::Window { from, to, .. } => net(from, to),
        Expect::Annualised { annualised_from, to, .. } => {
            window::annualised(&net(annualised_from, to)?, annualised_from, to)
        }
    }
}

#[test]
fn the_oracle_meets_every_published_figure_too() {
    for (name, case) in cases() {
        for expect in &case.expect {
            let figure =
                oracle_figure(&case, expect).unwrap_or_else(|| panic!("{name}: no figure for {expect:?}"));
            let printed = expect.printed();
            let unit = exact(Decimal::new(1, printed.scale()));
            let off = abs(&(figure.clone() - exact(printed)));
            assert!(off * int(2) <= unit, "{name}: {expect:?} is {figure}");
        }
    }
}

#[test]
fn every_published_figure_is_met_to_its_last_printed_place() {
    let mut checked = 0;
    for (name, case) in cases() {
        let rows = rows(&case);
        for expect in &case.expect {
            let printed = expect.printed();
            let figure = expect.figure(&rows).unwrap_or_else(|| panic!("{name}: no figure for {expect:?}"));
            let rounded =
                figure.round_dp_with_strategy(printed.scale(), RoundingStrategy::MidpointAwayFromZero);
            assert_eq!(rounded, printed, "{name}: {expect:?} is {figure}");
            checked += 1;
        }
    }
    assert!(checked >= 40, "only {checked} figures were checked");
}

#[test]
fn every_published_case_says_where_it_is_from() {
    let cases = cases();
    assert!(cases.len() >= 12, "{} cases lie in {}", cases.len(), folder().display());
    for (name, case) in cases {
        let Source { title, author, r#where, figure } = case.source;
        for text in [&title, &author, &r#where, &figure] {
            assert!(text.trim().len() >= 8, "{name}: `{text}` cites nothing");
        }
        assert!(!case.expect.is_empty(), "{name} expects nothing");
    }
}
