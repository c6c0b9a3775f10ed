//! Where a partition is read from: the store decides, and the group's offsets never do.
use record::{Position, Progress};
use std::sync::Arc;

/// Where reading of a partition begins while nothing of it is committed: settled once, and kept by the store in these words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// With whatever the topic still has.
    Earliest,
    /// With the message of this offset, or the next there is.
    Offset(i64),
}

impl Begin {
    pub(super) fn text(self) -> Arc<str> {
        match self {
            Begin::Earliest => "earliest".into(),
            Begin::Offset(offset) => format!("offset {offset}").into(),
        }
    }

    /// `None`: the words of another source.
    pub(super) fn parse(text: &str) -> Option<Begin> {
        if text == "earliest" {
            return Some(Begin::Earliest);
        }
        text.strip_prefix("offset ")?.parse().ok().map(Begin::Offset)
    }
}

/// What a partition of a topic holds now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// The first offset that is still there.
    pub low: i64,
    /// The one the next message will have.
    pub high: i64,
}

/// Where reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resume {
    At(i64),
    /// What lies before is lost, or may be: the topic let it go before it was read.
    Behind(i64),
    /// The topic ends before the place that is committed: it is not the topic that was read.
    Beyond,
}

/// Reading goes on *with* the committed message, for only part of its records may be in: what is committed of it is left out. Where it is
/// gone and the next is there, all of it is taken to have been in, as it is of a topic that was read to its end and then stood idle; else such a
/// topic would be said to have a gap at every start. Offsets that a topic skips (compaction, transactions) are no gap.
pub(super) fn resume(progress: Progress, begin: Begin, held: Held) -> Resume {
    let Held { low, high } = held;
    match (progress, begin) {
        (Progress::Start, Begin::Earliest) => Resume::At(low),
        (Progress::Start, Begin::Offset(n)) if n < low => Resume::Behind(low),
        (Progress::Start, Begin::Offset(n)) if n > high => Resume::Beyond,
        (Progress::Start, Begin::Offset(n)) => Resume::At(n),
        (Progress::At(p), _) => match offset(p) {
            n if n >= high => Resume::Beyond,
            n if n >= low => Resume::At(n),
            n if n + 1 == low => Resume::At(low),
            _ => Resume::Behind(low),
        },
        (Progress::End, _) => Resume::Beyond,
    }
}

/// The offset of a place; one that is none lies beyond all.
fn offset(place: Position) -> i64 {
    i64::try_from(place.offset()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use record::Sequence;

    fn at(offset: u64, item: u32) -> Progress {
        Progress::At(Position { sequence: Sequence::from(offset), sub: 0, item })
    }

    const HELD: Held = Held { low: 10, high: 20 };

    #[test]
    fn reading_goes_on_with_the_message_that_is_committed_for_part_of_it_may_not_be() {
        for (progress, expected) in [
            (at(12, 3), Resume::At(12)),
            (at(10, 0), Resume::At(10)),
            (at(19, 0), Resume::At(19)),
            (at(9, 0), Resume::At(10)),
            (at(8, 0), Resume::Behind(10)),
            (at(20, 0), Resume::Beyond),
            (at(u64::MAX, 0), Resume::Beyond),
            (Progress::End, Resume::Beyond),
        ] {
            assert_eq!(resume(progress, Begin::Offset(15), HELD), expected, "{progress}");
        }
    }

    #[test]
    fn what_is_begun_begins_where_it_was_settled() {
        for (begin, expected) in [
            (Begin::Earliest, Resume::At(10)),
            (Begin::Offset(10), Resume::At(10)),
            (Begin::Offset(20), Resume::At(20)),
            (Begin::Offset(9), Resume::Behind(10)),
            (Begin::Offset(21), Resume::Beyond),
        ] {
            assert_eq!(resume(Progress::Start, begin, HELD), expected, "{begin:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_goes_on_outside_of_what_is_there(n in 0u64..40, low in 0i64..20, more in 0i64..20, started in any::<bool>()) {
            let held = Held { low, high: low + more };
            let begin = Begin::Offset(n as i64);
            let progress = if started { at(n, 0) } else { Progress::Start };
            if let Resume::At(o) | Resume::Behind(o) = resume(progress, begin, held) {
                prop_assert!(o >= held.low && o <= held.high);
            }
        }
    }

    #[test]
    fn words_are_read_back_as_they_were_kept() {
        for begin in [Begin::Earliest, Begin::Offset(0), Begin::Offset(i64::MAX)] {
            assert_eq!(Begin::parse(&begin.text()), Some(begin));
        }
        assert_eq!(Begin::parse("trim_horizon"), None);
    }
}
