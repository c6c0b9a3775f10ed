//! What goes next. Calls may overtake each other and refuse some of their records, so that a record goes only when none before it in its lane is
//! under way: the order of a lane holds, whatever fails.
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A record that waits for its turn: its lane is its key, or its shard.
#[derive(Clone, Debug)]
pub(super) struct Waiting<T> {
    pub lane: Arc<str>,
    pub bytes: usize,
    pub item: T,
}

/// Records taken and not put, by lane.
pub(super) struct Window<T> {
    lanes: HashMap<Arc<str>, Lane<T>>,
    /// Lanes with something to go and nothing under way, in the order of their turn.
    ready: VecDeque<Arc<str>>,
    bytes: usize,
    count: usize,
    limit: usize,
}

struct Lane<T> {
    waiting: VecDeque<Waiting<T>>,
    /// Its first record is under way.
    out: bool,
}

/// Records held at most, besides their bytes.
const RECORDS: usize = 20_000;

impl<T> Window<T> {
    /// `limit`: bytes held, at most; one record always fits.
    pub(super) fn new(limit: usize) -> Self {
        Window { lanes: HashMap::new(), ready: VecDeque::new(), bytes: 0, count: 0, limit }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether the next record has to wait until some are put.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= self.limit || self.count >= RECORDS
    }

    /// Lanes of which a record could go now.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }

    pub(super) fn push(&mut self, waiting: Waiting<T>) {
        (self.bytes, self.count) = (self.bytes + waiting.bytes, self.count + 1);
        let lane = waiting.lane.clone();
        let entry =
            self.lanes.entry(lane.clone()).or_insert_with(|| Lane { waiting: VecDeque::new(), out: false });
        entry.waiting.push_back(waiting);
        if !entry.out && entry.waiting.len() == 1 {
            self.ready.push_back(lane);
        }
    }

    /// The next records to go together: one a lane, so many and so many bytes at most; one always fits.
    pub(super) fn take(&mut self, records: usize, bytes: usize) -> Vec<Waiting<T>> {
        let (mut taken, mut size): (Vec<Waiting<T>>, usize) = (Vec::new(), 0);
        while taken.len() < records
            && let Some(lane) = self.ready.front()
            && let Some(entry) = self.lanes.get_mut(lane)
            && let Some(first) = entry.waiting.front()
        {
            if !taken.is_empty() && size + first.bytes > bytes {
                break;
            }
            size += first.bytes;
            entry.out = true;
            taken.extend(entry.waiting.pop_front());
            self.ready.pop_front();
        }
        taken
    }

    /// A record is put: the next of its lane may go.
    pub(super) fn done(&mut self, lane: &Arc<str>, bytes: usize) {
        (self.bytes, self.count) = (self.bytes.saturating_sub(bytes), self.count.saturating_sub(1));
        let Some(entry) = self.lanes.get_mut(lane) else { return };
        entry.out = false;
        if entry.waiting.is_empty() {
            self.lanes.remove(lane);
        } else {
            self.ready.push_back(lane.clone());
        }
    }

    /// A record was refused: it is the next of its lane again, and goes before what waits longer.
    pub(super) fn again(&mut self, refused: Waiting<T>) {
        let lane = refused.lane.clone();
        let entry =
            self.lanes.entry(lane.clone()).or_insert_with(|| Lane { waiting: VecDeque::new(), out: true });
        entry.out = false;
        entry.waiting.push_front(refused);
        self.ready.push_front(lane);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn waiting(lane: u8, item: u32, bytes: usize) -> Waiting<u32> {
        Waiting { lane: lane.to_string().into(), bytes, item }
    }

    proptest! {
        /// Calls of several records under way at once, which end in any order and refuse any of them.
        #[test]
        fn no_record_is_put_before_an_earlier_one_of_its_lane_and_none_is_lost(
            lanes in prop::collection::vec(0..4u8, 0..60),
            steps in prop::collection::vec((0..3u8, any::<u32>()), 0..200),
            records in 1..5usize,
        ) {
            let mut window = Window::new(100);
            for (n, lane) in (0u32..).zip(&lanes) {
                window.push(waiting(*lane, n, 10));
            }
            let (mut calls, mut put): (Vec<Vec<Waiting<u32>>>, Vec<(Arc<str>, u32)>) = (Vec::new(), Vec::new());
            let end = |window: &mut Window<u32>, call: Vec<Waiting<u32>>, refuse: u32, put: &mut Vec<(Arc<str>, u32)>| {
                for (n, one) in call.into_iter().enumerate() {
                    if refuse >> (n % 32) & 1 == 1 {
                        window.again(one);
                    } else {
                        window.done(&one.lane, one.bytes);
                        put.push((one.lane, one.item));
                    }
                }
            };
            for (step, number) in steps {
                if step < 2 {
                    let call = window.take(records, 25);
                    prop_assert!(call.len() <= records && (call.len() <= 2));
                    calls.extend((!call.is_empty()).then_some(call));
                } else if !calls.is_empty() {
                    let call = calls.remove(number as usize % calls.len());
                    end(&mut window, call, number, &mut put);
                }
            }
            while !calls.is_empty() || window.ready() > 0 {
                let next = window.take(records, 25);
                calls.extend((!next.is_empty()).then_some(next));
                let call = calls.remove(0);
                end(&mut window, call, 0, &mut put);
            }
            prop_assert!(window.is_empty() && !window.is_full());
            prop_assert_eq!(put.len(), lanes.len());
            for lane in 0..4u8 {
                let name = lane.to_string();
                let order: Vec<u32> = put.iter().filter(|(l, _)| **l == *name).map(|(_, n)| *n).collect();
                prop_assert!(order.is_sorted(), "{:?}", order);
            }
        }
    }

    #[test]
    fn a_full_window_takes_no_more_and_what_is_refused_goes_first() {
        let mut window = Window::new(20);
        window.push(waiting(1, 1, 15));
        assert!(!window.is_full());
        window.push(waiting(2, 2, 15));
        assert!(window.is_full());
        let mut first = window.take(1, 100);
        window.again(first.remove(0));
        assert!(window.is_full(), "what was refused is still held");
        let next = window.take(5, 100);
        assert_eq!(next.iter().map(|w| w.item).collect::<Vec<_>>(), [1, 2]);
    }
}
