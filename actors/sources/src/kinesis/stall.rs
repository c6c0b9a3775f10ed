//! Whether answers without records lead anywhere. Pure.
//!
//! While a reader walks through a stretch of a shard where nothing came, Kinesis gives it empty answers, and with each of them it is less behind. A reader
//! that begins at a record the stream has let go can be left at the horizon instead: empty answers without end, always as far behind.

/// Empty answers that lead nowhere, in a row, after which a reader stands: 4 seconds of polling without pauses, two minutes of a subscription.
const MOST: u32 = 20;
/// A reader that is less behind by so much has moved, milliseconds. Less is chance.
const STEP: i64 = 1_000;

/// The answers without records since the last with some, or since the reader was at the tip.
#[derive(Clone, Debug, Default)]
pub(super) struct Stall {
    /// How far behind the reader was when it moved last, milliseconds.
    behind: Option<i64>,
    nowhere: u32,
    told: bool,
}

impl Stall {
    /// An answer came, `millis_behind` as Kinesis says it. True: the reader stands; it is told once.
    pub(super) fn stands(&mut self, is_empty: bool, millis_behind: Option<i64>) -> bool {
        let Some(behind) = millis_behind.filter(|millis| is_empty && *millis > 0) else {
            *self = Stall::default();
            return false;
        };
        if self.behind.is_none_or(|before| behind <= before - STEP) {
            (self.behind, self.nowhere) = (Some(behind), 0);
            return false;
        }
        self.nowhere += 1;
        if self.told || self.nowhere < MOST {
            return false;
        }
        self.told = true;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;

    /// The answers after which it was told that the reader stands.
    fn told(stall: &mut Stall, answers: impl IntoIterator<Item = (bool, i64)>) -> Vec<usize> {
        let stands = answers.into_iter().map(|(is_empty, millis)| stall.stands(is_empty, Some(millis)));
        stands.enumerate().filter(|(_, stands)| *stands).map(|(i, _)| i).collect()
    }

    #[test]
    fn a_reader_that_stays_as_far_behind_stands_and_is_told_once() {
        let wavers = |n: i64| (true, DAY - n % 3 * 300);
        assert_eq!(told(&mut Stall::default(), (0..500).map(wavers)), [MOST as usize]);
        let falls_behind = |n: i64| (true, DAY + n * 200);
        assert_eq!(told(&mut Stall::default(), (0..500).map(falls_behind)), [MOST as usize]);
    }

    #[test]
    fn a_reader_that_walks_through_a_shard_where_little_came_does_not_stand() {
        let slowly = |n: i64| (true, DAY - n / 10 * STEP);
        assert_eq!(told(&mut Stall::default(), (0..2_000).map(slowly)), [0; 0]);
    }

    #[test]
    fn records_and_the_tip_begin_it_anew() {
        for (is_empty, millis) in [(false, DAY), (true, 0)] {
            let stands = || (0..30).map(|_| (true, DAY));
            let all = stands().chain([(is_empty, millis)]).chain(stands());
            assert_eq!(told(&mut Stall::default(), all), [20, 51]);
            let before_it_is_told = (0..20).map(|_| (true, DAY)).chain([(is_empty, millis)]);
            assert_eq!(told(&mut Stall::default(), before_it_is_told.chain([(true, DAY)])), [0; 0]);
        }
    }
}
