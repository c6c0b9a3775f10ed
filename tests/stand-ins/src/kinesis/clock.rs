//! The time the fake believes in.
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock that a test can set, move and stop. Arrival times, retention, the life of iterators and subscriptions, and the limits of
/// a shard all go by it.
pub struct Clock {
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
enum State {
    /// Runs as the machine's clock does, ahead of it by this many milliseconds.
    Running { ahead: i64 },
    /// Stands at this many milliseconds since 1970 UTC.
    Stopped { at: i64 },
}

impl Clock {
    pub(super) fn new() -> Self {
        Clock { state: Mutex::new(State::Running { ahead: 0 }) }
    }

    /// Milliseconds since 1970 UTC.
    pub fn now(&self) -> i64 {
        match *super::lock(&self.state) {
            State::Running { ahead } => machine_now().saturating_add(ahead),
            State::Stopped { at } => at,
        }
    }

    /// From now on the clock stands until it is moved.
    pub fn stop(&self) {
        let now = self.now();
        *super::lock(&self.state) = State::Stopped { at: now };
    }

    pub(super) fn shift(&self, by: i64) {
        let mut state = super::lock(&self.state);
        *state = match *state {
            State::Running { ahead } => State::Running { ahead: ahead.saturating_add(by) },
            State::Stopped { at } => State::Stopped { at: at.saturating_add(by) },
        };
    }
}

fn machine_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// A length of time in whole milliseconds; what is longer than 292 million years is that long.
pub(super) fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// `1764566400.123`, as AWS JSON writes times.
pub(super) fn as_seconds(millis: i64) -> String {
    format!("{}.{:03}", millis.div_euclid(1000), millis.rem_euclid(1000))
}
