//! A place inside a partition.
use std::fmt;
use std::str::FromStr;

/// A Kinesis sequence number has up to 56 decimal digits (187 bits), so 128 bits are too few.
pub type Sequence = ruint::Uint<192, 3>;

/// Where a record stands in its partition: three numbers, compared one after the other.
///
/// | source | sequence | sub | item |
/// | --- | --- | --- | --- |
/// | Kinesis | sequence number | sub-sequence inside an aggregate | record inside the payload |
/// | Kafka | offset | 0 | record inside the payload |
/// | file, object | decoded byte offset of the record's end | line it begins on, from 1 | element on that line |
///
/// The text form is `a.b.c` in decimal. It is for reading and for equality: order is decided by the numbers,
/// never by the text (`9.0.0` comes before `10.0.0`).
///
/// ```
/// use record::Position;
/// let a: Position = "49590338271490256608559692538361571095921575989136588898.0.9".parse().unwrap();
/// let b: Position = "49590338271490256608559692538361571095921575989136588898.0.10".parse().unwrap();
/// assert!(a < b);
/// assert_eq!(a.to_string().parse::<Position>().unwrap(), a);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    pub sequence: Sequence,
    pub sub: u64,
    pub item: u32,
}

impl Position {
    /// The place of a record in a file or object: the decoded byte offset of the record's end, its line
    /// (from 1) and, where one line or node gives several records, which of them.
    pub fn in_file(end: u64, line: u64, item: u32) -> Self {
        Position { sequence: Sequence::from(end), sub: line, item }
    }

    /// The decoded byte offset of a place in a file; saturates for what is no file.
    pub fn offset(&self) -> u64 {
        self.sequence.saturating_to()
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.sequence, self.sub, self.item)
    }
}

/// A text that is no position; it carries the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no position: expected three whole numbers, as in 120.3.0")]
pub struct PositionError(pub String);

impl FromStr for Position {
    type Err = PositionError;
    fn from_str(text: &str) -> Result<Self, PositionError> {
        let bad = || PositionError(text.to_owned());
        let mut parts = text.split('.');
        let mut next = || parts.next().filter(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_digit()));
        let (Some(a), Some(b), Some(c)) = (next(), next(), next()) else { return Err(bad()) };
        if parts.next().is_some() {
            return Err(bad());
        }
        Ok(Position {
            sequence: Sequence::from_str_radix(a, 10).map_err(|_| bad())?,
            sub: b.parse().map_err(|_| bad())?,
            item: c.parse().map_err(|_| bad())?,
        })
    }
}

/// How far a partition has been read.
///
/// The text form is `start`, a position, or `end`; a partition at its `end` never has more (a file whose
/// content is its identity, a closed shard).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Progress {
    #[default]
    Start,
    At(Position),
    End,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Progress::Start => f.write_str("start"),
            Progress::At(p) => p.fmt(f),
            Progress::End => f.write_str("end"),
        }
    }
}

impl FromStr for Progress {
    type Err = PositionError;
    fn from_str(text: &str) -> Result<Self, PositionError> {
        match text {
            "start" => Ok(Progress::Start),
            "end" => Ok(Progress::End),
            at => at.parse().map(Progress::At),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn text_and_back_is_the_same_place(a in any::<[u64; 3]>(), sub in any::<u64>(), item in any::<u32>()) {
            let p = Position { sequence: Sequence::from_limbs(a), sub, item };
            prop_assert_eq!(p.to_string().parse::<Position>(), Ok(p));
            prop_assert_eq!(Progress::At(p).to_string().parse::<Progress>(), Ok(Progress::At(p)));
        }
    }

    #[test]
    fn what_is_no_position_is_refused_with_its_text() {
        for bad in ["", "1", "1.2", "1.2.3.4", "a.2.3", "1.-2.3", "1..3", "+1.2.3", " 1.2.3"] {
            assert_eq!(bad.parse::<Position>(), Err(PositionError(bad.to_owned())), "{bad:?}");
        }
        let too_large = format!("1{}.0.0", "0".repeat(58));
        assert!(too_large.parse::<Position>().is_err());
    }

    #[test]
    fn numbers_decide_order_and_the_end_is_last() {
        let p = |s: &str| s.parse::<Progress>().unwrap();
        assert!(p("start") < p("0.0.0"));
        assert!(p("9.0.0") < p("10.0.0"));
        assert!(p("10.0.2") < p("10.0.10"));
        assert!(p("99999999999999999999999999999999999999999999999999999999.0.0") < p("end"));
    }
}
