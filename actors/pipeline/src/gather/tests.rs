use super::*;
use crate::fixture::{at, checked, day, partition, piece, row, summary};
use crate::messages::{Part, ReturnsBatch};
use proptest::prelude::*;
use record::Partition;
use returns::ledger::StoredFact;
use returns::{Decimal, Reason, Row, Verdict};

fn generation() -> Arc<Generation> {
    Arc::new(Generation { worker: "w".into(), number: 1, slots: Vec::new() })
}

fn replaced(value: u8, restates: bool) -> RowChange {
    RowChange::Replaced { row: row(day(1), value), restates }
}

fn new(value: u8) -> RowChange {
    RowChange::New(row(day(1), value))
}

/// The changes of one key, gathered from batches of their own.
fn gathered(changes: Vec<RowChange>) -> Vec<RowWrite> {
    let (mut gather, p) = (Gather::default(), partition(1));
    for (i, change) in (1u64..).zip(changes) {
        gather.add(checked(piece(i, 1, &p, i), Counts::default(), vec![(1, change)]));
    }
    gather.take(&generation()).unit.rows
}

fn composed(changes: Vec<RowChange>) -> Option<RowChange> {
    let mut rows = gathered(changes);
    assert!(rows.len() <= 1, "one change a key");
    rows.pop().map(|w| w.change)
}

#[test]
fn two_changes_of_a_row_become_the_one_the_store_must_see() {
    let gone = || RowChange::Gone(day(1));
    let cases = [
        (new(1), new(2), Some(new(2))),
        (new(1), replaced(2, false), Some(new(2))),
        (new(1), replaced(2, true), Some(new(2))),
        (new(1), gone(), None),
        (replaced(1, false), replaced(2, false), Some(replaced(2, false))),
        (replaced(1, true), replaced(2, false), Some(replaced(2, true))),
        (replaced(1, false), replaced(2, true), Some(replaced(2, true))),
        (replaced(1, false), new(2), Some(replaced(2, true))),
        (replaced(1, false), gone(), Some(gone())),
        (gone(), new(2), Some(replaced(2, true))),
        (gone(), replaced(2, false), Some(replaced(2, true))),
        (gone(), gone(), Some(gone())),
    ];
    for (first, second, expected) in cases {
        let case = format!("{first:?} and then {second:?}");
        assert_eq!(composed(vec![first, second]), expected, "{case}");
    }
}

/// What a store does with a change of one row; a change that does not fit what is stored is a fault.
fn apply(stored: &mut Option<Row>, change: &RowChange) {
    assert_eq!(stored.is_some(), !matches!(change, RowChange::New(_)), "{change:?} over {stored:?}");
    *stored = change.row().cloned();
}

/// A lawful sequence of changes over what is stored: `None` takes the day away (if it is there), `Some` gives it a row.
fn lawful(stored: &Option<Row>, steps: &[Option<(u8, bool)>]) -> Vec<RowChange> {
    let mut there = stored.is_some();
    let mut out = Vec::new();
    for step in steps {
        match step {
            Some((value, restates)) if there => out.push(replaced(*value, *restates)),
            Some((value, _)) => out.push(new(*value)),
            None if there => out.push(RowChange::Gone(day(1))),
            None => continue,
        }
        there = step.is_some();
    }
    out
}

proptest! {
    #[test]
    fn composed_changes_do_what_they_do_one_after_the_other(
        first in prop::option::of(any::<u8>()),
        steps in prop::collection::vec(prop::option::of(any::<(u8, bool)>()), 0..8),
    ) {
        let before = first.map(|value| row(day(1), value));
        let changes = lawful(&before, &steps);
        let (mut one_by_one, mut at_once) = (before.clone(), before.clone());
        changes.iter().for_each(|c| apply(&mut one_by_one, c));
        let moved = changes.iter().any(|c| match c {
            RowChange::Replaced { restates, .. } => *restates,
            RowChange::Gone(_) => true,
            RowChange::New(_) => false,
        });
        let composed = composed(changes);
        if let Some(change) = &composed {
            apply(&mut at_once, change);
        }
        prop_assert_eq!(one_by_one, at_once);
        if let (Some(_), Some(RowChange::Replaced { restates, .. })) = (before, composed) {
            prop_assert_eq!(restates, moved, "what was published and moved on the way is a restatement");
        }
    }
}

#[test]
fn rows_are_sorted_by_account_and_date_whatever_batch_they_came_in() {
    let (mut gather, p) = (Gather::default(), partition(1));
    let came = [(2, day(1)), (1, day(3)), (1, day(2)), (2, day(0))];
    for (i, (account, date)) in (1u64..).zip(came) {
        let change = RowChange::New(row(date, 1));
        gather.add(checked(piece(i, 1, &p, i), Counts::default(), vec![(account, change)]));
    }
    let rows = gather.take(&generation()).unit.rows;
    let keys: Vec<_> = rows.iter().map(|r| (r.account, r.change.as_of())).collect();
    assert_eq!(keys, [(1, day(2)), (1, day(3)), (2, day(0)), (2, day(1))]);
}

#[test]
fn a_row_takes_its_last_verdict_its_cause_and_the_reasons_of_both() {
    let (mut gather, p) = (Gather::default(), partition(1));
    let mut changed = row(day(1), 2);
    changed.reasons.insert(Reason::Corrected);
    let change = RowChange::Replaced { row: changed, restates: true };
    gather.add(checked(piece(1, 1, &p, 1), Counts::default(), vec![(1, new(1))]));
    let mut last = checked(piece(2, 1, &p, 2), Counts::default(), vec![(1, change)]);
    let mut by_rules = Reasons::default();
    by_rules.insert(Reason::ReturnOutlier);
    last.verdicts = vec![(Verdict::Held, by_rules)];
    Arc::get_mut(&mut last.returns).unwrap().causes = vec![(1, day(1), "correction 9".into())];
    gather.add(last);
    let rows = gather.take(&generation()).unit.rows;
    assert_eq!((rows.len(), rows[0].verdict), (1, Verdict::Held));
    assert_eq!(rows[0].cause.as_deref(), Some("correction 9"));
    let reasons: Vec<Reason> = rows[0].reasons.iter().collect();
    assert_eq!(reasons, [Reason::Corrected, Reason::ReturnOutlier]);
}

fn counts(read: u64) -> Counts {
    Counts { read, ..Counts::default() }
}

#[test]
fn a_step_goes_with_the_last_of_its_pieces() {
    let (mut gather, p) = (Gather::default(), partition(1));
    gather.add(checked(piece(1, 3, &p, 1), counts(5), vec![]));
    gather.add(checked(piece(1, 3, &p, 1), counts(0), vec![]));
    let early = gather.take(&generation());
    assert!(early.unit.deltas.is_empty() && early.whole.is_empty());
    assert_eq!(early.counts, counts(0), "counts travel with the step");
    gather.add(checked(piece(1, 3, &p, 1), counts(0), vec![]));
    let whole = gather.take(&generation());
    assert_eq!(whole.whole.len(), 1);
    assert_eq!((whole.unit.deltas[0].from, whole.unit.deltas[0].to), (at(0), at(1)));
    assert_eq!((whole.counts, whole.unit.deltas[0].counts), (counts(5), counts(5)));
    assert_eq!(whole.unit.deltas[0].token, p.token);
    let after = gather.take(&generation());
    assert!(after.unit.deltas.is_empty() && after.counts == counts(0), "and travel once");
}

#[test]
fn a_later_batch_waits_for_an_earlier_one_of_its_partition_alone() {
    let (mut gather, p, q) = (Gather::default(), partition(1), partition(2));
    gather.add(checked(piece(2, 1, &p, 2), counts(1), vec![]));
    gather.add(checked(piece(3, 1, &q, 1), counts(1), vec![]));
    let first = gather.take(&generation());
    assert_eq!(first.unit.deltas.iter().map(|d| d.partition).collect::<Vec<_>>(), [q.key]);
    gather.add(checked(piece(1, 1, &p, 1), counts(1), vec![]));
    let second = gather.take(&generation());
    assert_eq!(second.unit.deltas.len(), 1, "two steps of a partition are one");
    assert_eq!((second.unit.deltas[0].from, second.unit.deltas[0].to), (at(0), at(2)));
    assert_eq!(second.whole.iter().map(|w| w.number).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(second.counts, counts(2));
}

#[test]
fn what_goes_ahead_of_a_piece_carries_data_and_makes_no_step() {
    let (mut gather, p) = (Gather::default(), partition(1));
    let ahead = Header { part: Part::More, ..piece(1, 1, &p, 1) };
    gather.add(checked(ahead, counts(0), vec![(1, new(1))]));
    let first = gather.take(&generation());
    assert_eq!((first.unit.rows.len(), first.unit.deltas.len(), first.whole.len()), (1, 0, 0));
    gather.add(checked(piece(1, 1, &p, 1), counts(3), vec![]));
    let second = gather.take(&generation());
    assert_eq!((second.unit.deltas.len(), second.whole.len(), second.counts), (1, 1, counts(3)));
}

#[test]
fn a_batch_that_makes_no_step_is_told_as_committed() {
    let mut gather = Gather::default();
    let alone = Header { part: Part::Alone, ..piece(9, 1, &partition(0), 1) };
    gather.add(checked(alone, counts(0), vec![(1, new(1))]));
    let gathered = gather.take(&generation());
    assert!(gathered.unit.deltas.is_empty());
    assert_eq!(gathered.whole.iter().map(|w| w.number).collect::<Vec<_>>(), [9]);
    assert!(gather.take(&generation()).whole.is_empty());
}

/// All pieces of all steps of some partitions, in some order, with a transaction after some of them.
fn interleavings() -> impl Strategy<Value = Vec<((i64, u64, u32), bool)>> {
    let steps = prop::collection::vec(1u32..4, 1..5);
    prop::collection::vec(steps, 1..4).prop_flat_map(|partitions| {
        let mut pieces = Vec::new();
        for (key, steps) in (1i64..).zip(partitions) {
            for (step, of) in (1u64..).zip(steps) {
                pieces.extend((0..of).map(|_| (key, step, of)));
            }
        }
        let cuts = prop::collection::vec(any::<bool>(), pieces.len());
        (Just(pieces).prop_shuffle(), cuts).prop_map(|(p, c)| p.into_iter().zip(c).collect())
    })
}

proptest! {
    #[test]
    fn steps_go_whole_and_in_order_whatever_order_pieces_come(came in interleavings()) {
        let mut gather = Gather::default();
        let mut arrived: HashMap<(i64, u64), u32> = HashMap::default();
        let mut stands: HashMap<i64, Progress> = HashMap::default();
        let mut read = 0;
        for ((key, step, of), cut) in came.iter().copied() {
            let number = u64::try_from(key).unwrap() * 1_000 + step;
            let first = !arrived.contains_key(&(key, step));
            *arrived.entry((key, step)).or_default() += 1;
            gather.add(checked(piece(number, of, &partition(key), step), counts(u64::from(first)), vec![]));
            if !cut {
                continue;
            }
            let gathered = gather.take(&generation());
            read += gathered.counts.read;
            for delta in &gathered.unit.deltas {
                let at_now = stands.insert(delta.partition.0, delta.to).unwrap_or_default();
                prop_assert_eq!(delta.from, at_now, "a step begins where the one before ended");
            }
            for batch in &gathered.whole {
                let (key, step) = (batch.partition.key.0, batch.number % 1_000);
                let of = came.iter().find(|(p, _)| (p.0, p.1) == (key, step)).unwrap().0.2;
                prop_assert_eq!(arrived[&(key, step)], of, "no step goes before its pieces are in");
                prop_assert!(batch.to <= stands[&key]);
            }
        }
        let rest = gather.take(&generation());
        rest.unit.deltas.iter().for_each(|d| { stands.insert(d.partition.0, d.to); });
        for (key, step, _) in came.iter().map(|(p, _)| *p) {
            prop_assert!(stands[&key] >= at(step), "in the end all steps have gone");
        }
        prop_assert_eq!(read + rest.counts.read, arrived.len() as u64, "every step was counted once");
    }
}

fn with_facts(step: u64, facts: Vec<(i64, StoredFact)>) -> CheckedBatch {
    let returns = ReturnsBatch { facts, ..ReturnsBatch::new(piece(step, 1, &partition(1), step), counts(0)) };
    CheckedBatch { returns: Arc::new(returns), verdicts: Vec::new(), breaks: Vec::new() }
}

#[test]
fn the_last_write_of_a_fact_holds_and_other_facts_stay() {
    let stored = |fact, in_row| StoredFact { fact, in_row, waiting: None };
    let (a, b) = (summary(day(1), 100, 1), summary(day(1), 200, 2));
    let elsewhere = returns::Fact { feed: record::FeedKey(2), ..a.clone() };
    let mut gather = Gather::default();
    gather.add(with_facts(1, vec![(1, stored(a.clone(), false)), (2, stored(a.clone(), false))]));
    gather.add(with_facts(2, vec![(1, stored(b.clone(), false)), (1, stored(elsewhere.clone(), false))]));
    gather.add(with_facts(3, vec![(1, stored(a.clone(), true))]));
    let facts = gather.take(&generation()).unit.facts;
    let seen: Vec<_> = facts.into_iter().map(|f| (f.account, f.stored)).collect();
    let expected = [
        (1, stored(b, false)),
        (1, stored(elsewhere, false)),
        (1, stored(a.clone(), true)),
        (2, stored(a, false)),
    ];
    assert_eq!(seen, expected);
}

fn broke(rule: &'static str, broken: bool) -> BreakWrite {
    BreakWrite {
        rule,
        severity: "warn",
        account: Some(1),
        vendor: None,
        as_of: Some(day(1)),
        feed: None,
        position: None,
        expected: None,
        actual: None,
        difference: None,
        difference_bp: None,
        tolerance: Some(Decimal::ONE),
        hint: None,
        broken,
    }
}

fn breaks_of(changes: Vec<(RowChange, Vec<BreakWrite>)>) -> Vec<(&'static str, bool)> {
    let (mut gather, p) = (Gather::default(), partition(1));
    for (i, (change, breaks)) in (1u64..).zip(changes) {
        let mut batch = checked(piece(i, 1, &p, i), Counts::default(), vec![(1, change)]);
        batch.breaks = breaks.into_iter().map(|b| (0, b)).collect();
        gather.add(batch);
    }
    gather.take(&generation()).unit.breaks.into_iter().map(|b| (b.rule, b.broken)).collect()
}

#[test]
fn what_an_earlier_version_of_a_row_broke_is_dropped() {
    let settled = || broke(store::EVERY_RULE, false);
    let first = (new(1), vec![broke("return_outlier", true)]);
    let passes = (replaced(2, false), vec![settled()]);
    assert_eq!(breaks_of(vec![first, passes]), [(store::EVERY_RULE, false)]);

    let first = (replaced(1, true), vec![settled(), broke("return_outlier", true)]);
    let second = (replaced(2, true), vec![settled(), broke("roll_forward", true)]);
    assert_eq!(breaks_of(vec![first, second]), [(store::EVERY_RULE, false), ("roll_forward", true)]);

    let clean = (new(2), vec![]);
    assert_eq!(breaks_of(vec![(new(1), vec![broke("roll_forward", true)]), clean]), []);
}

#[test]
fn a_day_that_went_and_came_back_resolves_what_was_open() {
    let went = (RowChange::Gone(day(1)), vec![broke(store::EVERY_RULE, false)]);
    let back = (new(2), vec![broke("roll_forward", true)]);
    assert_eq!(breaks_of(vec![went, back]), [(store::EVERY_RULE, false), ("roll_forward", true)]);
}

#[test]
fn a_break_of_a_feed_is_kept_whatever_rows_come() {
    let feed = BreakWrite { account: None, as_of: None, ..broke("feed_count", true) };
    assert_eq!(breaks_of(vec![(new(1), vec![feed]), (replaced(2, false), vec![])]), [("feed_count", true)]);
}

#[test]
fn an_account_is_written_once_with_its_last_profile_and_all_aliases() {
    let account = |currency: &[u8; 3], alias: &str| AccountWrite {
        id: 1,
        account_no: "A".into(),
        slot: 0,
        profile: returns::ledger::Profile { base_currency: Some(*currency), ..Default::default() },
        aliases: vec![("v".into(), alias.into())],
    };
    let mut accounts = vec![account(b"USD", "x"), account(b"EUR", "y")];
    merge_accounts(&mut accounts);
    assert_eq!(accounts.len(), 1);
    assert_eq!(accounts[0].profile.base_currency, Some(*b"EUR"));
    assert_eq!(accounts[0].aliases, [("v".into(), "x".into()), ("v".into(), "y".into())]);
}

#[test]
fn marks_and_folds_are_told_once_an_account() {
    let mut gather = Gather::default();
    let mut header = piece(1, 1, &partition(1), 1);
    for number in 1..=2 {
        header.number = number;
        let returns = ReturnsBatch {
            marked: vec![2, 1],
            folded: vec![1],
            ..ReturnsBatch::new(header.clone(), counts(0))
        };
        gather.add(CheckedBatch { returns: Arc::new(returns), verdicts: vec![], breaks: vec![] });
    }
    assert!(!gather.is_empty() && gather.size() > 0);
    let unit = gather.take(&generation()).unit;
    assert_eq!((unit.marked, unit.folded), (vec![1, 2], vec![1]));
    assert!(gather.is_empty() && gather.size() == 0);
}

#[test]
fn how_far_a_stream_is_read_goes_with_the_last_whole_step_that_says_so() {
    let (mut gather, p) = (Gather::default(), partition(1));
    let said = [(1, 1, Some(70)), (2, 1, Some(90)), (3, 1, None), (4, 2, Some(120))];
    for (i, of, read_until) in said {
        let header = Header { read_until, ..piece(i, of, &p, i) };
        gather.add(checked(header, Counts::default(), vec![]));
    }
    let until = |gather: &mut Gather| {
        gather.take(&generation()).unit.deltas.iter().map(|d| (d.to, d.read_until)).collect::<Vec<_>>()
    };
    assert_eq!(until(&mut gather), [(at(3), Some(90))], "the fourth has a piece to come");
    gather.add(checked(Header { read_until: Some(120), ..piece(4, 2, &p, 4) }, Counts::default(), vec![]));
    assert_eq!(until(&mut gather), [(at(4), Some(120))]);
}

#[test]
fn a_partition_given_up_and_opened_again_goes_on_under_its_new_token() {
    let (mut gather, p) = (Gather::default(), partition(1));
    gather.add(checked(piece(1, 1, &p, 1), Counts::default(), vec![]));
    gather.take(&generation());
    // Others read the second step meanwhile.
    let again = Arc::new(Partition {
        key: p.key,
        id: p.id.clone(),
        source: p.source.clone(),
        token: 9,
        opened: at(2),
    });
    gather.add(checked(piece(2, 1, &again, 3), Counts::default(), vec![]));
    let deltas = gather.take(&generation()).unit.deltas;
    assert_eq!((deltas.len(), deltas[0].token, deltas[0].from, deltas[0].to), (1, 9, at(2), at(3)));
}
