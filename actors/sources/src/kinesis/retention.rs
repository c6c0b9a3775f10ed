//! What a stream lets go before it is read. Pure: clocks and answers come in.
//!
//! Sequence numbers are not consecutive, so a gap cannot be seen in them. Two things can be known:
//! - the record read last comes again when it is asked for: then nothing behind it is gone, for a stream lets go in order;
//! - all that arrived up to some time is read, and the stream still holds all that arrived since then.
//!
//! Where neither holds, something may be lost, and it is told as if it were.
use record::Sequence;

/// Allowed between our clock and the stream's, and for arrival times that are approximate; microseconds.
const SLACK: i64 = 60_000_000;
/// A reader is clear of the horizon when it is that far ahead of it. One that begins with the oldest record is not at once.
const CLEAR: i64 = 10 * SLACK;

/// From which time of arrival on a stream holds everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Horizon {
    /// Microseconds.
    pub retention: i64,
    /// When the stream was made, microseconds since 1970 UTC: of one that was deleted and made again nothing older is left.
    pub created: i64,
}

impl Horizon {
    fn at(&self, now: i64) -> i64 {
        self.ahead(now, 0)
    }

    /// So much later than where retention ends; a stream begins when it begins.
    fn ahead(&self, now: i64, slack: i64) -> i64 {
        (now - self.retention + slack).max(self.created)
    }
}

/// What is known of one shard.
#[derive(Clone, Debug)]
pub(super) struct Watch {
    /// Everything that arrived up to then is read; microseconds since 1970 UTC.
    until: Option<i64>,
    proof: Proof,
    clear: bool,
    /// It was told that the reader falls behind.
    told: bool,
}

/// Whether it is known that reading went on where it had stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    /// It did.
    Seen,
    /// The answer tells, if it begins with this record.
    Asked(Sequence),
    /// Nothing was read of the shard yet; what it continues was read until some time.
    Fresh,
}

/// The first record of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct First {
    pub sequence: Sequence,
    pub arrival: i64,
}

/// Something may be lost: what arrived after `from` and before `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lost {
    pub from: Option<i64>,
    pub to: Option<First>,
    /// Of what is lost nothing arrived later, microseconds since 1970 UTC.
    pub horizon: i64,
}

/// How far behind a reader is, if that is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lag {
    /// More than half of what the stream keeps, and it was not told yet.
    Half,
    /// Less again.
    Recovered,
}

impl Watch {
    /// `until`: what the store knows of the shard or, for one that was not read yet, of its parents.
    pub(super) fn new(until: Option<i64>) -> Watch {
        Watch { until, proof: Proof::Fresh, clear: false, told: false }
    }

    /// Reading goes on behind this record, which is asked for again.
    pub(super) fn asked(&mut self, last: Sequence) {
        self.proof = Proof::Asked(last);
    }

    pub(super) fn until(&self) -> Option<i64> {
        self.until
    }

    /// An answer came: whether something is missing before it.
    pub(super) fn missing(
        &mut self,
        first: Option<First>,
        at_tip: bool,
        now: i64,
        horizon: Horizon,
    ) -> Option<Lost> {
        if first.is_none() && !at_tip {
            return None;
        }
        let safe = |slack: i64| self.until.is_some_and(|until| until >= horizon.ahead(now, slack));
        let is_whole = match self.proof {
            Proof::Asked(last) => first.is_some_and(|f| f.sequence <= last) || safe(SLACK),
            Proof::Fresh => self.until.is_none() || safe(0),
            Proof::Seen => !self.clear || safe(0),
        };
        self.proof = Proof::Seen;
        if is_whole {
            return None;
        }
        self.clear = false;
        Some(Lost { from: self.until, to: first, horizon: horizon.at(now) })
    }

    /// An answer is read: until when everything is. `millis_behind` as Kinesis says it, `last` the arrival of the last record. While it is not known
    /// whether reading went on where it had stopped, empty answers say nothing of what is read.
    pub(super) fn read(&mut self, last: Option<i64>, millis_behind: Option<i64>, now: i64, horizon: Horizon) {
        if self.proof != Proof::Seen {
            return;
        }
        let by_tip = millis_behind.map(|millis| now - millis.max(0).saturating_mul(1_000));
        // What a busy stream says of itself is older than the records it has just given.
        let reached = by_tip.into_iter().chain(last).max();
        self.until = self.until.into_iter().chain(reached).max();
        self.clear |= self.until.is_some_and(|until| until >= horizon.ahead(now, CLEAR));
    }

    /// Whether it is to be told how far behind the reader is.
    pub(super) fn lag(&mut self, now: i64, horizon: Horizon) -> Option<Lag> {
        let lag = now - self.until?;
        if !self.told && lag > horizon.retention / 2 {
            self.told = true;
            return Some(Lag::Half);
        }
        if self.told && lag < horizon.retention / 100 * 45 {
            self.told = false;
            return Some(Lag::Recovered);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;
    const NOW: i64 = 1_764_547_200_000_000;
    const DAY: Horizon = Horizon { retention: 24 * HOUR, created: 0 };

    fn first(sequence: u64, arrival: i64) -> Option<First> {
        Some(First { sequence: Sequence::from(sequence), arrival })
    }

    fn asked(last: u64, until: Option<i64>) -> Watch {
        let mut watch = Watch::new(until);
        watch.asked(Sequence::from(last));
        watch
    }

    #[test]
    fn a_record_that_comes_again_proves_that_nothing_is_lost_however_old_it_is() {
        let mut watch = asked(7, Some(NOW - 30 * HOUR));
        assert_eq!(watch.missing(first(7, NOW - 30 * HOUR), false, NOW, DAY), None);
    }

    #[test]
    fn a_checkpoint_older_than_the_retention_whose_record_is_gone_is_a_gap() {
        let until = NOW - 30 * HOUR;
        let mut watch = asked(7, Some(until));
        assert_eq!(
            watch.missing(None, false, NOW, DAY),
            None,
            "an empty answer before the tip tells nothing"
        );
        let to = first(9, NOW - 23 * HOUR);
        let lost = Lost { from: Some(until), to, horizon: NOW - 24 * HOUR };
        assert_eq!(watch.missing(to, false, NOW, DAY), Some(lost));
        assert_eq!(watch.missing(first(10, NOW), false, NOW, DAY), None, "it is told once");
    }

    #[test]
    fn empty_answers_before_the_first_record_do_not_hide_a_gap() {
        let until = NOW - 30 * HOUR;
        let mut watch = asked(7, Some(until));
        for hours in [24, 23, 22] {
            assert_eq!(watch.missing(None, false, NOW, DAY), None);
            watch.read(None, Some(hours * 3_600_000), NOW, DAY);
        }
        let lost = watch.missing(first(9, NOW - 22 * HOUR), false, NOW, DAY).unwrap();
        assert_eq!(lost.from, Some(until));
    }

    #[test]
    fn a_shard_that_was_idle_for_longer_than_the_retention_lost_nothing() {
        // The record itself is long gone, but it is known that nothing came until an hour ago.
        let mut watch = asked(7, Some(NOW - HOUR));
        assert_eq!(watch.missing(first(9, NOW), false, NOW, DAY), None);
        let mut empty = asked(7, Some(NOW - HOUR));
        assert_eq!(empty.missing(None, true, NOW, DAY), None);
    }

    #[test]
    fn an_empty_shard_of_which_nobody_knows_how_far_it_was_read_may_have_lost_everything() {
        assert!(asked(7, None).missing(None, true, NOW, DAY).is_some());
        assert!(asked(7, Some(NOW - 25 * HOUR)).missing(None, true, NOW, DAY).is_some());
    }

    #[test]
    fn a_stream_that_was_made_anew_lost_what_was_not_read_of_the_old_one() {
        let anew = Horizon { created: NOW - HOUR, ..DAY };
        assert!(asked(7, Some(NOW - 2 * HOUR)).missing(first(9, NOW), false, NOW, anew).is_some());
    }

    #[test]
    fn the_oldest_record_of_a_stream_read_first_is_no_gap_and_neither_is_what_follows_at_the_edge() {
        let mut watch = Watch::new(None);
        for hours in [25, 24] {
            let at = NOW - hours * HOUR;
            assert_eq!(watch.missing(first(1, at), false, NOW, DAY), None);
            watch.read(Some(at), Some(hours * 3_600_000), NOW, DAY);
        }
    }

    #[test]
    fn a_child_whose_parents_were_read_until_long_ago_may_have_lost_its_beginning() {
        assert!(
            Watch::new(Some(NOW - 25 * HOUR)).missing(first(1, NOW - 2 * HOUR), false, NOW, DAY).is_some()
        );
        assert!(Watch::new(Some(NOW - 23 * HOUR)).missing(first(1, NOW), false, NOW, DAY).is_none());
    }

    #[test]
    fn a_reader_that_was_clear_of_the_horizon_and_is_overtaken_by_it_lost_something() {
        let mut watch = Watch::new(None);
        watch.missing(first(1, NOW - HOUR), false, NOW, DAY);
        watch.read(Some(NOW - HOUR), None, NOW, DAY);
        assert!(watch.missing(first(2, NOW + 20 * HOUR), false, NOW + 22 * HOUR, DAY).is_none());
        assert!(watch.missing(first(3, NOW + 20 * HOUR), false, NOW + 24 * HOUR, DAY).is_some());
    }

    #[test]
    fn half_of_the_retention_is_told_once_until_it_recovers() {
        let mut watch = Watch::new(Some(NOW));
        assert_eq!(watch.lag(NOW + 12 * HOUR, DAY), None);
        assert_eq!(watch.lag(NOW + 13 * HOUR, DAY), Some(Lag::Half));
        assert_eq!(watch.lag(NOW + 14 * HOUR, DAY), None);
        assert_eq!(watch.missing(None, true, NOW + 15 * HOUR, DAY), None);
        watch.read(None, Some(0), NOW + 15 * HOUR, DAY);
        assert_eq!(watch.lag(NOW + 15 * HOUR, DAY), Some(Lag::Recovered));
        assert_eq!(watch.lag(NOW + 28 * HOUR, DAY), Some(Lag::Half));
    }
}
