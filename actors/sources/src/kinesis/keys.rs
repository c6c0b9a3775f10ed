//! Whether a stream's partition keys are its accounts: a sample, taken once.
//!
//! If they are, all records of an account come over one shard, in order. If they are not, the figures are the same, for no order of arrival decides
//! them; but records of an account overtake each other, so that what was linked is linked again.
use std::sync::atomic::{AtomicU32, Ordering};

/// Records looked at.
const SAMPLE: u32 = 500;

/// Counts over all shards of a source.
#[derive(Default)]
pub(super) struct KeySample {
    looked_at: AtomicU32,
    named: AtomicU32,
}

impl KeySample {
    /// Whether more is to be looked at.
    pub(super) fn wants_more(&self) -> bool {
        self.looked_at.load(Ordering::Relaxed) < SAMPLE
    }

    /// Looks at a record: whether the text of its partition key stands in it. True, once: the sample is full and few did, so that somebody should be
    /// told. What is compressed tells nothing.
    pub(super) fn add(&self, partition_key: &str, payload: &[u8]) -> bool {
        if partition_key.is_empty() || is_packed(payload) || !self.wants_more() {
            return false;
        }
        if holds(payload, partition_key.as_bytes()) {
            self.named.fetch_add(1, Ordering::Relaxed);
        }
        let seen = self.looked_at.fetch_add(1, Ordering::Relaxed) + 1;
        seen == SAMPLE && self.named.load(Ordering::Relaxed) < SAMPLE / 2
    }
}

/// What is told then.
pub(super) const ADVICE: &str = "the partition keys of this stream do not look like accounts: most do not stand in their records. Records of one \
     account then come over several shards and in any order. The figures are the same, but what was linked is linked again whenever an \
     older record comes late, which costs time. Let producers use the account as partition key";

/// Whether it is gzip or zstd.
pub(super) fn is_packed(payload: &[u8]) -> bool {
    payload.starts_with(&[0x1f, 0x8b]) || payload.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}

/// Whether a text stands in a payload.
pub(super) fn holds(payload: &[u8], text: &[u8]) -> bool {
    !text.is_empty() && payload.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(key: impl Fn(u32) -> String) -> Vec<u32> {
        let sample = KeySample::default();
        (0..2 * SAMPLE).filter(|n| sample.add(&key(*n), format!("U{n},2025-12-01,100").as_bytes())).collect()
    }

    #[test]
    fn keys_that_are_not_in_their_records_are_told_once() {
        assert_eq!(told(|n| format!("{:032x}", n.wrapping_mul(2_654_435_761))), [SAMPLE - 1]);
    }

    #[test]
    fn keys_that_are_the_accounts_are_not_told() {
        assert_eq!(told(|n| format!("U{n}")), Vec::<u32>::new());
    }
}
