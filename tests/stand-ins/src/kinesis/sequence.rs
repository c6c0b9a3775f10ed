//! Sequence numbers: 56 decimal digits that grow, leave gaps, and name their shard.
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use std::fmt;

const LIMB: u64 = 10_000_000_000_000_000_000;
const SHARDS: u64 = 1_000_000_000_000;

/// A sequence number, compared as the number it is: three groups of 19 decimal digits, the highest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SequenceNumber([u64; 3]);

impl SequenceNumber {
    pub const ZERO: SequenceNumber = SequenceNumber([0; 3]);
    #[cfg(test)]
    pub(super) const MAX: SequenceNumber = SequenceNumber([LIMB - 1; 3]);

    /// `None` for what is no decimal number of at most 57 digits. Zeros in front are allowed.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_start_matches('0');
        if text.is_empty() || digits.len() > 57 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let limb = |from_end: usize| {
            let end = digits.len().saturating_sub(19 * from_end);
            let part = &digits[end.saturating_sub(19)..end];
            if part.is_empty() { Some(0) } else { part.parse::<u64>().ok() }
        };
        Some(SequenceNumber([limb(2)?, limb(1)?, limb(0)?]))
    }

    /// The next number above: no record lies between.
    pub(super) fn following(self) -> Self {
        let SequenceNumber([high, middle, low]) = self;
        match (middle, low) {
            (_, low) if low < LIMB - 1 => SequenceNumber([high, middle, low + 1]),
            (middle, _) if middle < LIMB - 1 => SequenceNumber([high, middle + 1, 0]),
            _ => SequenceNumber([high.saturating_add(1), 0, 0]),
        }
    }

    /// The place in its stream of the shard that gave this number.
    pub(super) fn shard(self) -> usize {
        usize::try_from(self.0[2] % SHARDS).unwrap_or(usize::MAX)
    }
}

impl fmt::Display for SequenceNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [0, 0, low] => write!(f, "{low}"),
            [0, middle, low] => write!(f, "{middle}{low:019}"),
            [high, middle, low] => write!(f, "{high}{middle:019}{low:019}"),
        }
    }
}

/// Where sequence numbers come from: one for all streams, so that none is given twice and a child's are above its parents'.
pub(super) struct Numbers {
    high: u64,
    middle: u64,
    random: SmallRng,
}

impl Numbers {
    /// With `lengthen` the numbers have 55 digits at first and 56 after about a hundred: compared as text they would go backwards.
    pub(super) fn new(seed: u64, lengthen: bool) -> Self {
        let random = SmallRng::seed_from_u64(seed);
        // 18 and 17 digits, with 38 behind them.
        let high = if lengthen { 99_999_999_999_999_999 } else { 496_000_000_000_000_000 + seed % 1_000_000 };
        let middle = if lengthen { LIMB - 50_000_000 } else { seed % LIMB };
        Numbers { high, middle, random }
    }

    pub(super) fn next(&mut self, shard: usize) -> SequenceNumber {
        let middle = self.middle + 1 + self.random.random_range(0..1_000_000);
        self.high += middle / LIMB;
        self.middle = middle % LIMB;
        let shard = u64::try_from(shard).unwrap_or(SHARDS - 1) % SHARDS;
        SequenceNumber([self.high, self.middle, self.random.random_range(0..9_999_999) * SHARDS + shard])
    }

    /// At or below every number to come and above every number given.
    pub(super) fn upcoming(&self) -> SequenceNumber {
        SequenceNumber([self.high, self.middle + 1, 0])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_grow_leave_gaps_and_name_their_shard() {
        let mut numbers = Numbers::new(7, false);
        let given: Vec<_> = (0..1000).map(|i| numbers.next(i % 5)).collect();
        assert!(given.windows(2).all(|w| w[0] < w[1]));
        assert!(given.iter().enumerate().all(|(i, n)| n.shard() == i % 5 && n.to_string().len() == 56));
        assert!(given.iter().all(|n| SequenceNumber::parse(&n.to_string()) == Some(*n)));
        assert!(*given.last().unwrap() < numbers.upcoming() && numbers.upcoming() < numbers.next(0));
    }

    #[test]
    fn numbers_that_lengthen_grow_as_numbers_and_not_as_text() {
        let mut numbers = Numbers::new(1, true);
        let given: Vec<_> = (0..400).map(|_| numbers.next(3)).collect();
        assert!(given.windows(2).all(|w| w[0] < w[1]));
        assert_eq!((given[0].to_string().len(), given[399].to_string().len()), (55, 56));
        assert!(given[0].to_string() > given[399].to_string());
    }

    #[test]
    fn what_is_no_number_is_not_parsed() {
        for text in ["", "-1", "+1", "12a", " 1", &"9".repeat(58)] {
            assert_eq!(SequenceNumber::parse(text), None, "{text}");
        }
        assert_eq!(SequenceNumber::parse("000"), Some(SequenceNumber::ZERO));
        assert_eq!(SequenceNumber::parse(&"9".repeat(57)), Some(SequenceNumber::MAX));
    }
}
