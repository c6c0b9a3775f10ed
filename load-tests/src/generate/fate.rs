//! What becomes of a record on its way: most come in their place, some late, some twice, some damaged.
use super::Feed;
use super::draw::{Draw, For};
use super::share::WHOLE;

/// What happens to one record. Each has one fate, so the shares add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Plain,
    /// Comes so many rounds after its own.
    Late(u64),
    /// Comes in its place, and byte for byte again so many rounds later.
    Twice(u64),
    /// Comes in its place, damaged so that no layout may take it.
    Damaged,
}

/// The most rounds a line comes late. A round is the lines of one day, or of one account where a feed is ordered by account.
pub const MOST_LATE: u64 = 5;

/// The fates of a feed's records.
#[derive(Clone, Copy, Debug)]
pub struct Fates {
    draw: Draw,
    damaged: u64,
    late: u64,
    twice: u64,
}

impl Fates {
    pub fn new(draw: Draw, feed: &Feed) -> Fates {
        let damaged = feed.malformed.parts();
        let late = damaged + feed.late.parts();
        Fates { draw, damaged, late, twice: late + feed.duplicate.parts() }
    }

    /// Whether any record comes outside its round.
    pub fn any_outside(&self) -> bool {
        self.twice > self.damaged
    }

    pub fn of(&self, account: u64, day: u64) -> Fate {
        let number = self.draw.number(For::Fate, account, day);
        // The upper half says what, the lower half how late.
        let what = ((number >> 32) * WHOLE) >> 32;
        let rounds = 1 + (((number & 0xFFFF_FFFF) * MOST_LATE) >> 32);
        match what {
            n if n < self.damaged => Fate::Damaged,
            n if n < self.late => Fate::Late(rounds),
            n if n < self.twice => Fate::Twice(rounds),
            _ => Fate::Plain,
        }
    }
}
