//! Chance as a function: the same seed and place give the same number on every machine, in any order of asking.

/// Numbers drawn from a seed. There is no state: what is drawn for an account and day does not depend on what was drawn before, so
/// that a feed can be written in any order, and from any place on, without keeping anything of it.
#[derive(Clone, Copy, Debug)]
pub struct Draw(u64);

/// What a number is drawn for: numbers for different purposes are independent.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub enum For {
    Base = 1,
    Level = 2,
    FlowDay = 3,
    FeeDay = 4,
    Noise = 5,
    Fate = 6,
    Damage = 7,
    SecondVendor = 8,
    Difference = 9,
    Correction = 10,
    Amount = 11,
    Order = 12,
}

impl Draw {
    pub fn new(seed: u64) -> Draw {
        Draw(mix(seed))
    }

    pub fn number(self, purpose: For, account: u64, day: u64) -> u64 {
        mix(self.0 ^ mix(account ^ mix(day ^ ((purpose as u64) << 56))))
    }

    /// A number below `bound`, which is at most 2^32.
    pub fn below(self, purpose: For, account: u64, day: u64, bound: u64) -> u64 {
        debug_assert!(bound <= 1 << 32, "the upper half of the number is scaled");
        ((self.number(purpose, account, day) >> 32) * bound) >> 32
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixer_gives_the_published_numbers() {
        // The first two outputs of SplitMix64 from seed 0.
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(0x9E37_79B9_7F4A_7C15), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn numbers_spread_evenly_below_their_bound() {
        let draw = Draw::new(7);
        let mut seen = [0u32; 10];
        for n in 0..100_000 {
            seen[usize::try_from(draw.below(For::Fate, n % 317, n / 317, 10)).unwrap()] += 1;
        }
        assert!(seen.iter().all(|n| (9_600..10_400).contains(n)), "{seen:?}");
    }

    #[test]
    fn a_purpose_an_account_and_a_day_each_change_the_number() {
        let draw = Draw::new(1);
        let one = draw.number(For::Base, 1, 2);
        assert_ne!(one, draw.number(For::Base, 2, 1));
        assert_ne!(one, draw.number(For::Level, 1, 2));
        assert_ne!(one, Draw::new(2).number(For::Base, 1, 2));
    }
}
