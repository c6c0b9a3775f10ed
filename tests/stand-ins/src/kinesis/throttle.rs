//! What a shard allows in a second.

/// A token bucket that holds one second's worth. It may be overdrawn once, and then pays back before it gives again: so does a shard
/// after a page of 10 MB.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    per_second: Option<u32>,
    /// Thousandths, so that every millisecond counts whole.
    thousandths: i64,
    at: i64,
}

impl Bucket {
    pub(super) fn new(per_second: Option<u32>) -> Self {
        Bucket { per_second, thousandths: i64::from(per_second.unwrap_or(0)) * 1000, at: i64::MIN }
    }

    fn refill(&mut self, rate: u32, now: i64) {
        // A clock that went back gives nothing until it is past where it was.
        if now <= self.at {
            return;
        }
        let passed = now.saturating_sub(self.at);
        let full = i64::from(rate) * 1000;
        self.thousandths = self.thousandths.saturating_add(passed.saturating_mul(i64::from(rate))).min(full);
        self.at = now;
    }

    /// Whether `amount` may be taken without debt. More than a second's worth may be once all of that is there.
    pub(super) fn has(&mut self, amount: u64, now: i64) -> bool {
        let Some(rate) = self.per_second else { return true };
        self.refill(rate, now);
        let amount = amount.min(u64::from(rate));
        self.thousandths >= i64::try_from(amount).unwrap_or(i64::MAX).saturating_mul(1000)
    }

    pub(super) fn take(&mut self, amount: u64) {
        if self.per_second.is_some() {
            let thousandths = i64::try_from(amount).unwrap_or(i64::MAX).saturating_mul(1000);
            self.thousandths = self.thousandths.saturating_sub(thousandths);
        }
    }

    /// What [`Bucket::has`] allows, taken.
    pub(super) fn try_take(&mut self, amount: u64, now: i64) -> bool {
        let has = self.has(amount, now);
        if has {
            self.take(amount);
        }
        has
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_gives_what_is_allowed_and_no_more() {
        let mut bucket = Bucket::new(Some(5));
        assert_eq!((0..10).filter(|_| bucket.try_take(1, 1000)).count(), 5);
        assert!(!bucket.try_take(1, 1199) && bucket.try_take(1, 1200));
        assert_eq!((0..10).filter(|_| bucket.try_take(1, 60_000)).count(), 5);
    }

    #[test]
    fn a_debt_is_paid_back_first() {
        let mut bucket = Bucket::new(Some(2));
        assert!(bucket.has(1, 0));
        bucket.take(10);
        assert!(!bucket.has(1, 4000) && bucket.has(1, 5000));
    }

    #[test]
    fn a_clock_set_back_gives_nothing_new() {
        let mut bucket = Bucket::new(Some(1));
        assert!(bucket.try_take(1, 10_000));
        assert!(!bucket.try_take(1, 5000) && !bucket.try_take(1, 10_000) && bucket.try_take(1, 11_000));
    }
}
