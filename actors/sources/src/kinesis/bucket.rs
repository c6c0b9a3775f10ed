//! How fast a shard may be read: 5 calls and 2 MiB a second for all its readers together, of which this one takes a share.
use std::time::Duration;
use tokio::time::Instant;

/// One call each 200 ms, for one reader that has a shard for itself.
const CALL: Duration = Duration::from_millis(200);
/// The bytes a shard gives in a second.
const BYTES: u64 = 2 * 1024 * 1024;

/// When the next call may be made. Calls are spread evenly, so that no second ever holds more than its share; the bytes of an answer are
/// paid for after it came, as Kinesis counts them: 10 MiB are five seconds.
#[derive(Debug)]
pub(super) struct Bucket {
    /// In percent.
    share: u32,
    next_call: Instant,
    /// All bytes given so far are paid for then.
    paid: Instant,
}

impl Bucket {
    /// `share` in percent, 1 to 100.
    pub(super) fn new(share: u8, now: Instant) -> Bucket {
        Bucket { share: u32::from(share.clamp(1, 100)), next_call: now, paid: now }
    }

    /// When the next call may be made.
    pub(super) fn free(&self) -> Instant {
        self.next_call.max(self.paid)
    }

    /// A call is made now.
    pub(super) fn call(&mut self, now: Instant) {
        self.next_call = now + CALL * 100 / self.share;
    }

    /// An answer of so many bytes came.
    pub(super) fn got(&mut self, bytes: u64, now: Instant) {
        let nanos = u128::from(bytes) * 1_000_000_000 * 100 / u128::from(BYTES) / u128::from(self.share);
        self.paid = self.paid.max(now) + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
    }
}

/// Pauses after calls that failed: from a first one doubling to a longest, less up to a quarter by `seed`, so that many shards do not come
/// back together.
#[derive(Debug)]
pub(super) struct Pauses {
    first: Duration,
    longest: Duration,
    seed: u32,
    failures: u32,
}

impl Pauses {
    pub(super) fn new(first: Duration, longest: Duration, seed: u32) -> Pauses {
        Pauses { first, longest, seed, failures: 0 }
    }

    /// A call failed: how long to wait before the next.
    pub(super) fn failed(&mut self) -> Duration {
        let doubled = self.first.saturating_mul(1 << self.failures.min(20)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        doubled - doubled / 256 * (self.seed.wrapping_add(self.failures) % 64)
    }

    /// How many calls failed in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    pub(super) fn worked(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    proptest! {
        /// However long answers take and whatever they hold.
        #[test]
        fn no_second_holds_more_calls_and_no_time_more_bytes_than_the_share(
            share in 1u8..=100,
            answers in prop::collection::vec((0u64..11 << 20, 0u64..400), 1..60),
        ) {
            let start = Instant::now();
            let mut bucket = Bucket::new(share, start);
            let (mut now, mut calls, mut given) = (start, Vec::new(), 0u64);
            for (bytes, millis) in answers {
                now = now.max(bucket.free());
                // What came before this call is paid for.
                let allowed = (now - start).as_millis() * u128::from(BYTES) * u128::from(share) / 100_000 + 1_000_000;
                prop_assert!(u128::from(given) <= allowed, "{given} of {allowed}");
                bucket.call(now);
                calls.push(now);
                now += Duration::from_millis(millis);
                bucket.got(bytes, now);
                given += bytes;
            }
            for (i, call) in calls.iter().enumerate() {
                let within = calls[i..].iter().filter(|c| **c - *call < SECOND).count();
                prop_assert!(within <= (5 * usize::from(share)).div_ceil(100), "{within} calls in a second");
            }
        }
    }

    #[test]
    fn after_an_answer_of_ten_mebibytes_five_seconds_pass() {
        let now = Instant::now();
        let mut bucket = Bucket::new(100, now);
        bucket.call(now);
        assert_eq!(bucket.free() - now, CALL);
        bucket.got(10 << 20, now);
        assert_eq!(bucket.free() - now, 5 * SECOND);
        let mut half = Bucket::new(50, now);
        half.got(10 << 20, now);
        assert_eq!(half.free() - now, 10 * SECOND);
    }

    #[test]
    fn pauses_grow_to_the_longest_and_begin_anew_once_a_call_worked() {
        let mut pauses = Pauses::new(SECOND, 30 * SECOND, 0);
        let all: Vec<Duration> = (0..8).map(|_| pauses.failed()).collect();
        assert!(all[0] > SECOND * 3 / 4 && all[0] <= SECOND);
        assert!(all.windows(2).all(|w| w[1] > w[0] || w[1] > 22 * SECOND), "{all:?}");
        assert!(all.iter().all(|p| *p <= 30 * SECOND));
        pauses.worked();
        assert!(pauses.failed() <= SECOND && pauses.failures() == 1);
    }
}
