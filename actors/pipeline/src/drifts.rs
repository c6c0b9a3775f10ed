//! Drift that was told: decoders that share a feed each meet its header, and one telling is enough.
use foldhash::HashSet;
use std::sync::Mutex;

/// What the decoders of a node have told.
#[derive(Debug, Default)]
pub struct Drifts(Mutex<HashSet<String>>);

/// So much is remembered; with more, all is news again.
const REMEMBERED: usize = 1_024;

impl Drifts {
    /// Whether these columns of the layout's feeds are to be told; the second time they are not.
    pub fn is_news(&self, layout: &str, columns: &str) -> bool {
        let mut told = self.0.lock().unwrap_or_else(|e| e.into_inner());
        if told.len() == REMEMBERED {
            told.clear();
        }
        told.insert(format!("{layout}\n{columns}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_is_told_once_whichever_decoder_meets_it() {
        let drifts = Drifts::default();
        let news: Vec<bool> = [("a", "x, y"), ("a", "x, y"), ("b", "x, y"), ("a", "x")]
            .map(|(layout, columns)| drifts.is_news(layout, columns))
            .into();
        assert_eq!(news, [true, false, true, true]);
    }

    #[test]
    fn no_more_is_remembered_than_there_is_room_for() {
        let drifts = Drifts::default();
        assert!((0..3 * REMEMBERED).all(|n| drifts.is_news("a", &n.to_string())));
        assert!(drifts.0.lock().unwrap().len() <= REMEMBERED);
    }
}
