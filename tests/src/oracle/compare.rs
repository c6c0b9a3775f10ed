//! Random facts folded by the product, at once and piece by piece, and by the oracle.
use super::chain::Figures;
use super::fold::{Account, OracleRow};
use super::given::{BASE, Given, Kinds, given};
use super::linking::index;
use super::number::exact;
use super::said::{Say, Spec, day, facts, names, partitions};
use super::standing::lacked;
use super::store::{Store, feed_in_pieces};
use proptest::prelude::*;
use record::FeedKey;
use returns::fact::Content;
use returns::ledger::{
    Feeds, Folded, Ground, Needs, Profile, Stage, StoredFact, WaitingReason, WholeFeed, fold,
};
use returns::policy::{Vendor, VendorPolicy};
use returns::{Arrival, Fact, Key, Policy, Reason, Row};

/// The reasons that facts alone decide.
const REASONS: [Reason; 6] = [
    Reason::Incomplete,
    Reason::QuarantinedInput,
    Reason::UnpricedTransfer,
    Reason::Corrected,
    Reason::LongPeriod,
    Reason::ResidualMoney,
];

pub fn profile() -> Profile {
    Profile { base_currency: Some(BASE), ..Profile::default() }
}

fn fold_at_once(facts: &[Fact], ground: Ground) -> Folded {
    let facts: Vec<StoredFact> =
        facts.iter().map(|fact| StoredFact { fact: fact.clone(), in_row: false, waiting: None }).collect();
    fold(&facts, &profile(), ground)
}

/// A product's row in the oracle's words.
fn told(row: &Row) -> OracleRow {
    OracleRow {
        previous_as_of: row.previous_as_of,
        flow_timing: row.flow_timing,
        value_vendor: row.value_vendor,
        revision: row.revision,
        reasons: REASONS.into_iter().filter(|reason| row.reasons.has(*reason)).collect(),
        other_net_flow: row.other_net_flow.map(exact),
        figures: Figures {
            as_of: row.as_of,
            begin_value: exact(row.begin_value),
            contributions: exact(row.contributions),
            distributions: exact(row.distributions),
            fees: exact(row.fees),
            fees_outside: exact(row.fees_outside),
            end_value: exact(row.end_value),
            cumulative_net_flow: exact(row.cumulative_net_flow),
            twrr: row.twrr.map(exact),
            twrr_gross: row.twrr_gross.map(exact),
            net: index(row.net),
            gross: index(row.gross),
            incepted: row.incepted,
            segment: row.segment,
            sub_periods: row.sub_periods,
            status: row.status,
            value_since: row.value_since,
            residual_money: row.reasons.has(Reason::ResidualMoney),
        },
    }
}

/// What is known of the feeds with an end when all has come. One that was through and grows is coming once more.
fn known(whole: &[WholeFeed]) -> Feeds {
    let mut feeds = Feeds::default();
    let before = |feed: &WholeFeed| WholeFeed { stage: Stage::In { unread: false }, ..feed.clone() };
    whole.iter().map(before).for_each(|feed| feeds.note(feed));
    whole.iter().for_each(|feed| feeds.note(feed.clone()));
    feeds
}

/// The undated facts that the product marks as lacked by a newer full feed, and the oracle's.
fn marked_as_lacked(folded: &Folded) -> Vec<(Key, FeedKey, Content)> {
    let marked = |s: &&StoredFact| s.waiting == Some(WaitingReason::Lacked);
    identities(folded.facts.iter().filter(marked).map(|s| &s.fact))
}

fn undated_lacked(given: &Given) -> Vec<(Key, FeedKey, Content)> {
    identities(lacked(&given.facts, &names(), &given.whole).iter().filter(|f| !f.is_dated()))
}

fn identities<'a>(facts: impl Iterator<Item = &'a Fact>) -> Vec<(Key, FeedKey, Content)> {
    let mut all: Vec<_> = facts.map(|f| (f.key(), f.feed, f.content)).collect();
    all.sort();
    all
}

fn agrees_with_the_oracle(given: &Given) -> Result<(), TestCaseError> {
    let (partitions, feeds) = (partitions(), known(&given.whole));
    let folded = fold_at_once(&given.facts, given.ground(&partitions, &feeds));
    let product: Vec<OracleRow> = folded.rows.iter().map(told).collect();
    let account = Account {
        facts: &given.facts,
        names: &names(),
        policy: &given.policy,
        base_currency: Some(BASE),
        whole: &given.whole,
    };
    prop_assert_eq!(marked_as_lacked(&folded), undated_lacked(given), "undated facts that newer feeds lack");
    let oracle = account.rows();
    let dates = |rows: &[OracleRow]| rows.iter().map(|row| row.figures.as_of).collect::<Vec<_>>();
    prop_assert_eq!(dates(&product), dates(&oracle), "the dates of rows");
    for (product, oracle) in product.iter().zip(&oracle) {
        prop_assert_eq!(product, oracle);
    }
    Ok(())
}

/// Piece by piece the same rows come about, and the same facts beside them, as at once.
fn comes_in_pieces(given: &Given, pieces: &[(Fact, u8)], evictions: u64) -> Result<(), TestCaseError> {
    let (partitions, feeds) = (partitions(), known(&given.whole));
    let mut store = Store::new(profile());
    feed_in_pieces(&mut store, pieces, evictions, given, &partitions)?;
    let whole = fold_at_once(&given.facts, given.ground(&partitions, &feeds));
    let rows: Vec<Row> = store.rows.values().cloned().collect();
    prop_assert_eq!(rows.len(), whole.rows.len(), "how many rows");
    for (piece, whole) in rows.iter().zip(&whole.rows) {
        prop_assert_eq!(piece, whole);
    }
    prop_assert_eq!(&store.profile, &whole.profile);
    store.holds_the_facts(&whole)
}

/// A flow with an id of its own may be what sits in quarantine under another date, however long ago.
#[test]
fn what_sits_in_quarantine_is_not_lacked_however_far_its_date() {
    let spec = |say, feed| Spec { say, vendor: 0, feed, arrival: Some(1), revision: None, again: None };
    let value = |day| {
        let (flows, fees) = ([None, None], [0, 0]);
        Say::Summary {
            day,
            end: Some(100_000_000_000),
            begin: None,
            flows,
            fees,
            accrued: 0,
            of_period: false,
            currency: None,
        }
    };
    let (id, amount) = (Some(0), Some(100_000_000));
    let flow = Say::Flow { day: 4, id, fee: false, amount, minute: None, foreign: false, effective: None };
    let quarantined = Say::Quarantined { day: 0, released: false };
    let values = (1..4).map(|day| spec(value(day), 2));
    let specs: Vec<Spec> =
        [spec(quarantined, 1)].into_iter().chain(values).chain([spec(flow, 0), spec(value(4), 2)]).collect();
    let full = |key, arrival, stage| WholeFeed {
        key: FeedKey(key),
        vendor: Vendor(0),
        layout: "activity".into(),
        business_date: Some(day(4)),
        arrival: Arrival(Some(arrival)),
        full: true,
        gives: Needs::default(),
        stage,
        earlier: Vec::new(),
    };
    let policy = Policy::new(vec![VendorPolicy::new("alpha"), VendorPolicy::new("beta")]);
    let whole = vec![full(0, 1, Stage::Coming), full(1, 2, Stage::In { unread: false })];
    let given = Given { facts: facts(&specs, &policy), policy, whole };
    let pieces: Vec<(Fact, u8)> = given.facts.iter().cloned().map(|fact| (fact, 0)).collect();
    agrees_with_the_oracle(&given).unwrap();
    comes_in_pieces(&given, &pieces, 0).unwrap();
}

/// `PROPTEST_CASES=50000` looks harder.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(400)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn any_summaries_fold_to_the_same_rows(given in given(Kinds::Summaries, false)) {
        agrees_with_the_oracle(&given)?;
    }

    #[test]
    fn any_valuations_and_timed_flows_fold_to_the_same_rows(given in given(Kinds::Valuations, true)) {
        agrees_with_the_oracle(&given)?;
    }

    #[test]
    fn any_versions_of_flows_under_corrections_fold_to_the_same_rows(given in given(Kinds::Versions, false)) {
        agrees_with_the_oracle(&given)?;
    }

    #[test]
    fn any_flows_that_came_twice_fold_to_the_same_rows(given in given(Kinds::Nameless, true)) {
        agrees_with_the_oracle(&given)?;
    }

    #[test]
    fn any_facts_fold_to_the_same_rows(given in given(Kinds::All, false)) {
        agrees_with_the_oracle(&given)?;
    }

    #[test]
    fn any_facts_of_whole_feeds_fold_to_the_same_rows(given in given(Kinds::Whole, true)) {
        agrees_with_the_oracle(&given)?;
    }

    /// In any order, any number of times, in any batches, with memory lost between them, feeds ending once all of them has come.
    #[test]
    fn any_way_of_coming_gives_the_same_rows(
        given in prop_oneof![given(Kinds::All, true), given(Kinds::Whole, true), given(Kinds::Versions, true), given(Kinds::Nameless, true)],
        order in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0u8..4), 0..40),
        evictions in any::<u64>(),
    ) {
        let mut pieces: Vec<(Fact, u8)> = given.facts.iter().cloned().map(|fact| (fact, 0)).collect();
        for (from, to, batch) in order {
            let moved = from.index(pieces.len());
            let again = pieces[moved].0.clone();
            pieces[moved].1 = batch;
            pieces.insert(to.index(pieces.len()), (again, batch));
            let (a, b) = (from.index(pieces.len()), to.index(pieces.len()));
            pieces.swap(a, b);
        }
        comes_in_pieces(&given, &pieces, evictions)?;
    }
}
