use super::*;
use crate::fixture::{day, partition, piece, row};
use proptest::prelude::*;
use record::Counts;
use returns::fact::{Body, Valuation};
use std::cmp::Ordering;

/// One account as a store keeps it: rows, and the facts no row carries.
#[derive(Clone, Default)]
struct Stored {
    rows: BTreeMap<Date, Row>,
    facts: Vec<StoredFact>,
}

impl Stored {
    fn apply(&mut self, batch: &ReturnsBatch) {
        for (_, change) in &batch.rows {
            match change.row() {
                Some(row) => drop(self.rows.insert(row.as_of, row.clone())),
                None => drop(self.rows.remove(&change.as_of())),
            }
        }
        for (_, stored) in &batch.facts {
            self.facts.retain(|f| !same_identity(&f.fact, &stored.fact));
            if !stored.in_row {
                self.facts.push(stored.clone());
            }
        }
    }

    fn read(&self, from: Date, rows: Option<usize>) -> History {
        let before = self.rows.range(..from).next_back().map(|(_, r)| r.clone());
        let wanted = rows.unwrap_or(usize::MAX);
        let found: Vec<Row> = self.rows.range(from..).take(wanted).map(|(_, r)| r.clone()).collect();
        let last = found.last().map(|r| r.as_of);
        let complete = last.is_none() || self.rows.range(from..).count() == found.len();
        let until = last.filter(|_| !complete);
        let facts = self.facts_in(before.as_ref().map(|r| r.as_of), until);
        History { before, rows: found, facts, complete }
    }

    /// All facts after a date and up to another.
    fn facts_in(&self, after: Option<Date>, until: Option<Date>) -> Vec<StoredFact> {
        let inside = |d: Date| after.is_none_or(|a| d > a) && until.is_none_or(|u| d <= u);
        let carried = self.rows.values().filter_map(carried);
        let carried = carried.map(|fact| StoredFact { fact, in_row: true, waiting: None });
        self.facts.iter().cloned().chain(carried).filter(|s| inside(s.fact.as_of)).collect()
    }
}

/// A fact no row carries: its reference names it, its line is where it was seen.
fn value(date: Date, reference: u8, line: u64) -> StoredFact {
    let mut fact = summary_of(&row(date, reference));
    fact.reference = Some(reference.to_string().into());
    fact.place.position = record::Position::in_file(line, line, 0);
    fact.body = Body::Valuation(Valuation::default());
    StoredFact { fact, in_row: false, waiting: None }
}

/// What a ledger does with a day of an account.
#[derive(Clone, Debug)]
enum Step {
    Row { day: u8, value: u8, carries: bool },
    Gone { day: u8 },
    Value { day: u8, reference: u8, line: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0u8..8, 0u8..4, any::<bool>()).prop_map(|(day, value, carries)| Step::Row { day, value, carries }),
        1 => (0u8..8).prop_map(|day| Step::Gone { day }),
        1 => (0u8..8, 0u8..3, 1u64..9).prop_map(|(day, reference, line)| Step::Value { day, reference, line }),
    ]
}

/// The batch a step gives where the account stands as it does: what a row no longer carries becomes a fact of its own.
fn batch(number: u64, now: &Stored, step: &Step) -> ReturnsBatch {
    let mut out = ReturnsBatch::new(piece(number, 1, &partition(1), number), Counts::default());
    let stored = |fact, in_row| (1, StoredFact { fact, in_row, waiting: None });
    match step {
        Step::Row { day: n, value, carries } => {
            let row = Row { carries: *carries, ..row(day(*n), *value) };
            let was = now.rows.get(&row.as_of);
            let moved = was.and_then(carried).filter(|old| !same_identity(old, &summary_of(&row)));
            out.facts.extend(moved.map(|old| stored(old, false)));
            out.facts.push(stored(summary_of(&row), *carries));
            out.rows.push((
                1,
                match was {
                    Some(_) => RowChange::Replaced { row, restates: true },
                    None => RowChange::New(row),
                },
            ));
        }
        Step::Gone { day: n } => {
            if let Some(row) = now.rows.get(&day(*n)) {
                out.facts.extend(carried(row).map(|old| stored(old, false)));
                out.rows.push((1, RowChange::Gone(row.as_of)));
            }
        }
        Step::Value { day: n, reference, line } => out.facts.push((1, value(day(*n), *reference, *line))),
    }
    out
}

fn sorted(mut facts: Vec<StoredFact>) -> Vec<StoredFact> {
    let place = |a: &StoredFact, b: &StoredFact| -> Ordering {
        (a.fact.key(), a.fact.content).cmp(&(b.fact.key(), b.fact.content))
    };
    facts.sort_by(place);
    facts
}

/// The store's answer with the overlay laid over it, asked again as often as it takes; and where that answer ended.
fn read(
    store: &Stored,
    overlay: &mut Overlay,
    mut from: Date,
    rows: Option<usize>,
) -> (History, Option<Date>) {
    let nothing = ReturnsBatch::new(piece(99, 1, &partition(1), 99), Counts::default());
    loop {
        let answer = store.read(from, rows);
        let until = if answer.complete { None } else { answer.rows.last().map(|r| r.as_of) };
        match overlay.of(1, &nothing).lay_over(answer) {
            Ok(history) => return (history, until),
            Err(date) => {
                assert!(date < from, "a wider read is asked for");
                from = date;
            }
        }
    }
}

proptest! {
    #[test]
    fn the_store_and_what_is_under_way_read_as_the_store_after_the_commit(
        steps in prop::collection::vec(step(), 1..14),
        committed in any::<prop::sample::Index>(),
        forgotten in any::<prop::sample::Index>(),
        from in 0u8..9,
        rows in prop::option::of(1usize..5),
    ) {
        let mut after = Stored::default();
        let mut batches = Vec::new();
        for (number, step) in (1u64..).zip(&steps) {
            let batch = batch(number, &after, step);
            after.apply(&batch);
            batches.push(Arc::new(batch));
        }
        // The store holds some; of those, the overlay may still keep the later ones.
        let committed = committed.index(batches.len() + 1);
        let forgotten = forgotten.index(committed + 1);
        let (mut before, mut overlay) = (Stored::default(), Overlay::default());
        batches.iter().for_each(|b| overlay.push(b.clone()));
        batches[..committed].iter().for_each(|b| before.apply(b));
        overlay.committed(&(1..=forgotten as u64).collect::<Vec<_>>());

        let (history, until) = read(&before, &mut overlay, day(from), rows);
        let after_date = history.before.as_ref().map(|r| r.as_of);
        let inside = |d: &Date| after_date.is_none_or(|a| *d > a) && until.is_none_or(|u| *d <= u);
        let expected: Vec<Row> = after.rows.values().filter(|r| inside(&r.as_of)).cloned().collect();
        prop_assert_eq!(&history.rows, &expected);
        prop_assert_eq!(history.before.as_ref(), after_date.and_then(|d| after.rows.get(&d)));
        prop_assert_eq!(sorted(history.facts), sorted(after.facts_in(after_date, until)));
    }
}

fn one(number: u64, rows: Vec<RowChange>, facts: Vec<StoredFact>) -> Arc<ReturnsBatch> {
    let mut out = ReturnsBatch::new(piece(number, 1, &partition(1), number), Counts::default());
    out.rows = rows.into_iter().map(|r| (1, r)).collect();
    out.facts = facts.into_iter().map(|f| (1, f)).collect();
    Arc::new(out)
}

fn stored(days: &[u8]) -> Stored {
    Stored { rows: days.iter().map(|n| (day(*n), row(day(*n), *n))).collect(), facts: Vec::new() }
}

fn days(history: &History) -> Vec<Date> {
    history.rows.iter().map(|r| r.as_of).collect()
}

#[test]
fn rows_under_way_change_what_the_window_shows_and_nothing_beyond_it() {
    let mut overlay = Overlay::default();
    let replaced = |n| RowChange::Replaced { row: row(day(n), 77), restates: true };
    let new = |n| RowChange::New(row(day(n), 78));
    overlay.push(one(
        1,
        vec![replaced(3), new(4), RowChange::Gone(day(5)), replaced(6), new(8), replaced(1)],
        vec![],
    ));
    let nothing = one(2, vec![], vec![]);
    let seen = overlay.of(1, &nothing).lay_over(stored(&[1, 2, 3, 5, 6, 7]).read(day(3), Some(3))).unwrap();
    assert_eq!(days(&seen), [day(3), day(4), day(6)], "the read ended on day 6, so day 8 is not for it");
    assert_eq!(seen.rows[0], row(day(3), 77));
    assert_eq!(seen.before.map(|r| r.as_of), Some(day(2)), "day 1 lies before the window");
    assert_eq!(seen.facts.len(), 3, "each carried fact followed its row");
    assert!(!seen.complete);
    let all = overlay.of(1, &nothing).lay_over(stored(&[1, 2, 3, 5, 6, 7]).read(day(3), None)).unwrap();
    assert_eq!(
        days(&all),
        [day(3), day(4), day(6), day(7), day(8)],
        "a read to the end shows what is new behind it"
    );
}

#[test]
fn the_row_before_the_read_is_shown_as_it_will_be() {
    let mut overlay = Overlay::default();
    let changed = row(day(2), 77);
    overlay.push(one(1, vec![RowChange::Replaced { row: changed.clone(), restates: true }], vec![]));
    let nothing = one(2, vec![], vec![]);
    let seen = overlay.of(1, &nothing).lay_over(stored(&[1, 2, 3]).read(day(3), None)).unwrap();
    assert_eq!(seen.before, Some(changed));
    assert!(seen.facts.iter().all(|f| f.fact.as_of == day(3)), "what it carries lies outside the read");
}

#[test]
fn a_row_before_the_read_that_is_on_its_way_out_asks_for_an_earlier_read() {
    let mut overlay = Overlay::default();
    overlay.push(one(1, vec![RowChange::Gone(day(2))], vec![]));
    let nothing = one(2, vec![], vec![]);
    let store = stored(&[1, 2, 3]);
    assert_eq!(overlay.of(1, &nothing).lay_over(store.read(day(3), None)), Err(day(2)));
    let seen = overlay.of(1, &nothing).lay_over(store.read(day(2), None)).unwrap();
    assert_eq!((seen.before.as_ref().map(|r| r.as_of), days(&seen)), (Some(day(1)), vec![day(3)]));
}

#[test]
fn what_the_batch_in_hand_has_settled_is_read_last() {
    let mut overlay = Overlay::default();
    overlay.push(one(1, vec![RowChange::New(row(day(1), 1))], vec![value(day(1), 5, 1)]));
    let in_hand =
        one(2, vec![RowChange::Replaced { row: row(day(1), 2), restates: true }], vec![value(day(1), 5, 2)]);
    let uncommitted = overlay.of(1, &in_hand);
    let fact = value(day(1), 5, 2).fact;
    assert_eq!(uncommitted.find(&fact.key(), fact.feed, fact.content), Some(fact));
    let carried = summary_of(&row(day(1), 2));
    assert_eq!(uncommitted.find(&carried.key(), carried.feed, carried.content), Some(carried.clone()));
    assert_eq!(
        uncommitted.find(&carried.key(), FeedKey(9), carried.content),
        None,
        "in another feed it is another fact"
    );
    let seen = uncommitted.lay_over(History { complete: true, ..History::default() }).unwrap();
    assert_eq!(seen.rows, [row(day(1), 2)]);
    let other = overlay.of(2, &in_hand);
    assert!(other.rows.is_empty() && other.facts.is_empty(), "another account has nothing under way");
}

#[test]
fn a_read_for_an_undated_fact_reaches_back_to_where_it_is_under_way() {
    let mut overlay = Overlay::default();
    let early = value(day(1), 5, 1);
    overlay.push(one(1, vec![], vec![early.clone(), value(day(0), 6, 1)]));
    let nothing = one(2, vec![], vec![]);
    let reach = |undated| Reach { from: day(4), undated, rows: Some(8) };
    assert_eq!(overlay.of(1, &nothing).widen(reach(vec![early.fact.key()])).from, day(1));
    assert_eq!(overlay.of(1, &nothing).widen(reach(vec![])).from, day(4));
}

#[test]
fn a_committed_batch_is_forgotten_once_all_before_it_are() {
    let mut overlay = Overlay::default();
    for (number, value) in [(5, 1), (3, 2), (4, 3)] {
        overlay.push(one(number, vec![RowChange::New(row(day(1), value))], vec![]));
    }
    overlay.committed(&[3]);
    let nothing = one(9, vec![], vec![]);
    assert!(overlay.holds(3) && overlay.oldest() == Some(3));
    assert_eq!(overlay.of(1, &nothing).rows.len(), 3, "else the batch before it would hide what it changed");
    overlay.committed(&[5]);
    assert!(!overlay.holds(5) && !overlay.holds(3) && overlay.holds(4));
    overlay.committed(&[4, 77]);
    assert_eq!(overlay.oldest(), None);
}
