//! Places in a shard: sequence numbers, where reading begins, and what to ask Kinesis for so that it goes on.
use record::{Position, Progress, Sequence};
use std::fmt;
use std::str::FromStr;

/// Digits that always fit into 64 bits.
const CHUNK: usize = 18;

/// A sequence number as Kinesis writes it: decimal digits, up to 56 of them. `None` for what is none, and for what is larger than
/// [`Sequence`] holds.
pub(super) fn sequence(text: &str) -> Option<Sequence> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut number = Sequence::ZERO;
    let mut rest = text;
    // The first chunk is the short one, so that the others all have the same length.
    let mut length = (text.len() - 1) % CHUNK + 1;
    while !rest.is_empty() {
        let (chunk, behind) = rest.split_at(length);
        let shifted = number.checked_mul(Sequence::from(10u64.pow(CHUNK as u32)))?;
        number = shifted.checked_add(Sequence::from(chunk.parse::<u64>().ok()?))?;
        (rest, length) = (behind, CHUNK);
    }
    Some(number)
}

/// Where reading of a shard begins while nothing of it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    /// With the oldest record it has.
    Oldest,
    /// With what arrived then or later, microseconds since 1970 UTC.
    At(i64),
}

/// [`Begin`] as the store keeps it: with the stream's name, for shards of all streams are called alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Begun {
    pub begin: Begin,
    pub stream: String,
}

impl fmt::Display for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.begin {
            Begin::Oldest => write!(f, "trim_horizon of {}", self.stream),
            Begin::At(at) => write!(f, "at {at} of {}", self.stream),
        }
    }
}

/// A text that says nothing of where a shard begins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoBegin;

impl FromStr for Begun {
    type Err = NoBegin;
    fn from_str(text: &str) -> Result<Self, NoBegin> {
        let (begin, stream) = text.split_once(" of ").ok_or(NoBegin)?;
        let begin = match begin.strip_prefix("at ") {
            Some(at) => Begin::At(at.parse().map_err(|_| NoBegin)?),
            None if begin == "trim_horizon" => Begin::Oldest,
            None => return Err(NoBegin),
        };
        Ok(Begun { begin, stream: stream.to_owned() })
    }
}

/// What to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    Oldest,
    /// Microseconds since 1970 UTC.
    At(i64),
    /// From this record on, itself included.
    Record(Sequence),
}

impl Ask {
    /// What to ask for where so much was read. The record read last is asked for once more, always: it may be an aggregate of which the rest is
    /// still to be read, and whether it comes again tells whether anything behind it was lost. What was taken in before is left out.
    pub(super) fn behind(reached: Progress, begin: Begin) -> Ask {
        match (reached, begin) {
            (Progress::At(Position { sequence, .. }), _) => Ask::Record(sequence),
            (_, Begin::Oldest) => Ask::Oldest,
            (_, Begin::At(at)) => Ask::At(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LONGEST: &str = "49590338271490256608559692538361571095921575989136588898";

    proptest! {
        #[test]
        fn digits_are_read_as_the_number_they_are(limbs in any::<[u64; 3]>(), keep in 0u32..3) {
            let number = Sequence::from_limbs(limbs) >> (64 * keep as usize);
            prop_assert_eq!(sequence(&number.to_string()), Some(number));
        }
    }

    #[test]
    fn a_number_one_digit_longer_is_the_larger_one_whatever_its_text_says() {
        let (short, long) = ("9".repeat(55), LONGEST);
        assert!(long < short.as_str(), "as texts they are in the wrong order");
        assert!(sequence(long) > sequence(&short));
        assert_eq!(sequence("007"), Some(Sequence::from(7u64)));
    }

    #[test]
    fn what_is_no_sequence_number_is_none() {
        for bad in ["", "-1", "+1", " 1", "1 ", "LATEST", "1.0", &"9".repeat(59)] {
            assert_eq!(sequence(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn where_a_shard_begins_comes_back_from_the_store_as_it_was() {
        for begin in [Begin::Oldest, Begin::At(1_764_547_200_000_000), Begin::At(-1)] {
            let begun = Begun { begin, stream: "feeds of-2".into() };
            assert_eq!(begun.to_string().parse(), Ok(begun));
        }
        for bad in ["", "latest", "trim_horizon", "at x of s", "atof s"] {
            assert_eq!(bad.parse::<Begun>(), Err(NoBegin), "{bad:?}");
        }
    }

    #[test]
    fn reading_goes_on_with_the_record_read_last_and_begins_where_it_was_said() {
        let at = Position { sequence: Sequence::from(12u64), sub: 3, item: 4 };
        assert_eq!(Ask::behind(Progress::At(at), Begin::At(7)), Ask::Record(Sequence::from(12u64)));
        assert_eq!(Ask::behind(Progress::Start, Begin::At(7)), Ask::At(7));
        assert_eq!(Ask::behind(Progress::Start, Begin::Oldest), Ask::Oldest);
    }
}
