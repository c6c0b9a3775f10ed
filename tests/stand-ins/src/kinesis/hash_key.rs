//! Hash keys: which shard a record goes to.
use md5::{Digest, Md5};

/// Hash keys a shard takes, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HashRange {
    pub start: u128,
    pub end: u128,
}

impl HashRange {
    pub const ALL: HashRange = HashRange { start: 0, end: u128::MAX };

    pub fn holds(&self, key: u128) -> bool {
        (self.start..=self.end).contains(&key)
    }

    /// The `i`-th of `n` ranges of 2^128 / `n` keys each, the last with what is left over.
    pub(super) fn share(i: u32, n: u32) -> HashRange {
        if n <= 1 {
            return HashRange::ALL;
        }
        let (i, n) = (u128::from(i), u128::from(n));
        // 2^128 itself is no u128.
        let size = u128::MAX / n + (u128::MAX % n + 1) / n;
        let end = if i + 1 >= n { u128::MAX } else { size * (i + 1) - 1 };
        HashRange { start: size * i, end }
    }
}

/// The MD5 of a partition key, as a number.
pub fn hash_key(partition_key: &str) -> u128 {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&Md5::digest(partition_key.as_bytes()));
    u128::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shares_of_any_count_cover_all_keys_once() {
        for n in [1, 2, 3, 7, 1000] {
            let shares: Vec<_> = (0..n).map(|i| HashRange::share(i, n)).collect();
            assert_eq!((shares[0].start, shares[shares.len() - 1].end), (0, u128::MAX));
            assert!(shares.last().is_some_and(|s| n > 2 || s.start == if n == 2 { 1 << 127 } else { 0 }));
            assert!(shares.windows(2).all(|w| w[0].end + 1 == w[1].start), "{n}");
        }
    }

    #[test]
    fn a_partition_key_hashes_as_aws_says() {
        // MD5 of the empty text, known everywhere.
        assert_eq!(format!("{:032x}", hash_key("")), "d41d8cd98f00b204e9800998ecf8427e");
    }
}
