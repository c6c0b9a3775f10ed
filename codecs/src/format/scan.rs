//! Where a byte stands in a line, eight bytes at a time.
//!
//! Fields of feeds are short, so that a search called once per field costs more to begin than to do. This one begins once per line.

const LOW: u64 = 0x7F7F_7F7F_7F7F_7F7F;
const EACH: u64 = 0x0101_0101_0101_0101;

/// Calls `found` with every place of `byte` in the line, in order.
#[inline]
pub fn each(line: &[u8], byte: u8, mut found: impl FnMut(usize)) {
    let pattern = u64::from(byte) * EACH;
    let mut chunks = line.chunks_exact(8);
    let mut base = 0;
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        let apart = u64::from_le_bytes(word) ^ pattern;
        // The top bit of each byte that is zero in `apart`, and of no other (no carry leaves a byte).
        let mut hits = !(((apart & LOW) + LOW) | apart | LOW);
        while hits != 0 {
            found(base + hits.trailing_zeros() as usize / 8);
            hits &= hits - 1;
        }
        base += 8;
    }
    for (n, b) in chunks.remainder().iter().enumerate() {
        if *b == byte {
            found(base + n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::each;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_place_is_found_and_no_other(line in prop::collection::vec(prop::sample::select(vec![b',', b'-', b'+', 0, 0x80, 0xAC, 0xFF, b'a']), 0..40)) {
            let mut found = Vec::new();
            each(&line, b',', |n| found.push(n));
            let expected: Vec<usize> = line.iter().enumerate().filter(|(_, b)| **b == b',').map(|(n, _)| n).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
