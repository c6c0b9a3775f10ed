//! What every account is worth on every day, and what flows: whole cents, computed from the account and the day alone.
use super::draw::{Draw, For};
use super::share::{Share, WHOLE};

/// One account on one day, in cents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountDay {
    /// The value at the end of the day before.
    pub begin: i64,
    pub contributions: i64,
    pub distributions: i64,
    /// Taken out of the value; not among the distributions.
    pub fees: i64,
    pub end: i64,
}

/// All accounts of a feed.
#[derive(Clone, Copy, Debug)]
pub struct Book {
    draw: Draw,
    flows: u64,
}

/// Days between two points of the noise, and how far it reaches there, in millionths of an account's base. All reaches together stay far
/// below 1, so that no value is negative; a step of a day stays near 1%, as those of a mixed portfolio do.
const WAVES: [(u64, u64); 5] = [(1, 2_500), (5, 6_000), (21, 15_000), (63, 30_000), (252, 70_000)];
/// An account's money moves between nothing and this many millionths of its base.
const MOVED: u64 = 150_000;
/// A fee is taken once in this many days, near a calendar quarter.
const FEE_DAYS: u64 = 63;
/// The fee, in millionths of the base.
const FEE: i64 = 2_000;
const MILLION: i64 = 1_000_000;

impl Book {
    /// `flows` is the share of account-days with a contribution or a distribution.
    pub fn new(draw: Draw, flows: Share) -> Book {
        Book { draw, flows: flows.parts() }
    }

    /// An account's day, counted from 0.
    pub fn day(&self, account: u64, day: u64) -> AccountDay {
        let base = self.base(account);
        let (before, after) = (self.level(account, day), self.level(account, day + 1));
        let flow = scaled(base, after) - scaled(base, before);
        let fees = if self.takes_fee(account, day + 1) { scaled(base, FEE) } else { 0 };
        AccountDay {
            begin: self.value(account, day, base, before),
            contributions: flow.max(0),
            distributions: (-flow).max(0),
            fees,
            end: self.value(account, day + 1, base, after),
        }
    }

    /// From ten thousand to twenty million, small ones as frequent as large ones.
    fn base(&self, account: u64) -> i64 {
        let doublings = self.draw.below(For::Base, account, 0, 10);
        let within = 1_000_000 + self.draw.below(For::Base, account, 1, 1_000_000);
        signed(within << doublings)
    }

    /// The value at the end of day `time - 1`; at time 0, before the first day.
    fn value(&self, account: u64, time: u64, base: i64, level: i64) -> i64 {
        let noise: i64 = WAVES.iter().map(|(span, reach)| self.wave(account, time, *span, *reach)).sum();
        scaled(base, MILLION + noise) + scaled(base, level)
    }

    /// Points drawn every `span` days with straight lines between them.
    fn wave(&self, account: u64, time: u64, span: u64, reach: u64) -> i64 {
        // Spans differ, so a point of one wave is none of another.
        let point = |n: u64| {
            signed(self.draw.below(For::Noise, account, (n << 10) | span, 2 * reach)) - signed(reach)
        };
        let (n, within) = (time / span, signed(time % span));
        if within == 0 {
            return point(n);
        }
        let span = signed(span);
        (point(n) * (span - within) + point(n + 1) * within) / span
    }

    /// How much money was moved in by then, in millionths of the base. It changes once in each of the stretches the share of flows makes.
    fn level(&self, account: u64, time: u64) -> i64 {
        if self.flows == 0 {
            return 0;
        }
        let stretch = time * self.flows / WHOLE;
        let (first, next) = (self.stretch_start(stretch), self.stretch_start(stretch + 1));
        let moves = first + self.draw.below(For::FlowDay, account, stretch, next - first);
        let moved = if time >= moves { stretch + 1 } else { stretch };
        signed(self.draw.below(For::Level, account, moved, MOVED))
    }

    fn stretch_start(&self, stretch: u64) -> u64 {
        (stretch * WHOLE).div_ceil(self.flows)
    }

    fn takes_fee(&self, account: u64, time: u64) -> bool {
        time % FEE_DAYS == self.draw.below(For::FeeDay, account, time / FEE_DAYS, FEE_DAYS)
    }
}

impl AccountDay {
    /// The day's return net of fees in hundred-millionths, flows in at the start and out at the end: (E + W) / (B + C) - 1, rounded
    /// half-even.
    pub fn return_e8(&self) -> i64 {
        let capital = i128::from(self.begin) + i128::from(self.contributions);
        let gain = i128::from(self.end) + i128::from(self.distributions) - capital;
        if capital == 0 {
            return 0;
        }
        let scaled = gain * 100_000_000;
        let (down, rest) = (scaled.div_euclid(capital), scaled.rem_euclid(capital));
        let up = 2 * rest > capital || (2 * rest == capital && down % 2 != 0);
        i64::try_from(down + i128::from(up)).unwrap_or_default()
    }
}

/// So many millionths of the base.
fn scaled(base: i64, millionths: i64) -> i64 {
    // A base has at most 11 digits and the factor 7: the product fits with room.
    base * millionths / MILLION
}

/// Every number of a book is far below 2^63.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(flows: Share) -> Book {
        Book::new(Draw::new(3), flows)
    }

    #[test]
    fn a_day_begins_where_the_day_before_ended() {
        let book = book(Share::percent(5));
        for account in 0..50 {
            for day in 1..300 {
                assert_eq!(book.day(account, day).begin, book.day(account, day - 1).end);
            }
        }
    }

    #[test]
    fn flows_come_at_their_share_of_days() {
        for (share, low, high) in [
            (Share::percent(0), 0, 0),
            (Share::percent(5), 4_900, 5_100),
            (Share::percent(33), 32_700, 33_300),
            (Share::percent(100), 99_900, 100_000),
        ] {
            let book = book(share);
            let days = (0..100).flat_map(|account| (0..1_000).map(move |day| book.day(account, day)));
            let moved = days.filter(|d| d.contributions != 0 || d.distributions != 0).count();
            assert!((low..=high).contains(&moved), "{share}: {moved} of 100000");
        }
    }

    #[test]
    fn values_are_positive_and_move_by_little_beyond_flows() {
        let book = book(Share::percent(5));
        for account in 0..200 {
            for day in 0..300 {
                let d = book.day(account, day);
                assert!(d.begin > 500_000 && d.end > 500_000, "{d:?}");
                assert!(d.return_e8().abs() < 3_000_000, "{d:?}");
                assert!(d.contributions == 0 || d.distributions == 0);
            }
        }
    }

    #[test]
    fn a_return_is_one_quotient_rounded_half_even() {
        let day = |begin, contributions, distributions, end| AccountDay {
            begin,
            contributions,
            distributions,
            fees: 0,
            end,
        };
        assert_eq!(day(10_000, 0, 0, 10_100).return_e8(), 1_000_000);
        assert_eq!(day(10_000, 5_000, 0, 15_300).return_e8(), 2_000_000);
        assert_eq!(day(10_000, 0, 1_000, 8_900).return_e8(), -1_000_000);
        // 1/3 of a hundred-millionth and its like: down, up, and a half to the even one.
        assert_eq!(day(300_000_000, 0, 0, 300_000_001).return_e8(), 0);
        assert_eq!(day(300_000_000, 0, 0, 299_999_998).return_e8(), -1);
        assert_eq!(day(200_000_000, 0, 0, 200_000_001).return_e8(), 0);
        assert_eq!(day(200_000_000, 0, 0, 200_000_003).return_e8(), 2);
    }
}
