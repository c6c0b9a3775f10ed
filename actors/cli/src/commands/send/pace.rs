//! How fast.
use crate::argument::Rate;
use std::time::{Duration, Instant};

/// Says when the next may go, so that at no time more went than the rate allows since the start.
pub struct Pace {
    rate: Option<Rate>,
    began: Instant,
}

impl Pace {
    pub fn new(rate: Option<Rate>) -> Pace {
        Pace { rate, began: Instant::now() }
    }

    /// When so many records and bytes may have gone; `None`: by now.
    pub fn due(&mut self, records: u64, bytes: u64) -> Option<Instant> {
        let (went, rate) = match self.rate? {
            Rate::Records(rate) => (records, rate),
            Rate::Bytes(rate) => (bytes, rate),
        };
        let nanos = u128::from(went) * 1_000_000_000 / u128::from(rate.max(1));
        let time = self.began + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        (time > Instant::now()).then_some(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_went_takes_as_long_as_the_rate_says() {
        let mut pace = Pace::new(Some(Rate::Records(10)));
        assert_eq!(pace.due(100, 0).map(|t| t - pace.began), Some(Duration::from_secs(10)));
        assert_eq!(pace.due(0, 1 << 40), None);
        assert_eq!(Pace::new(None).due(1 << 40, 1 << 40), None);
        let mut pace = Pace::new(Some(Rate::Bytes(1 << 20)));
        assert_eq!(pace.due(0, 5 << 20).map(|t| t - pace.began), Some(Duration::from_secs(5)));
    }
}
