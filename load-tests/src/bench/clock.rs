//! Wall time and CPU time.
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::time::Instant;

/// Whose CPU time is taken.
#[derive(Clone, Copy, Debug)]
pub enum Cpu {
    /// This thread's: for work that is done where it is measured.
    Thread,
    /// All threads' of this process: for work that others do for us.
    Process,
}

/// Time spent, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    pub wall: u64,
    pub cpu: u64,
}

/// Time it took to do something, and what came of it.
pub fn timed<T>(cpu: Cpu, work: impl FnOnce() -> T) -> (T, Spent) {
    let watch = Stopwatch::start(cpu);
    let result = work();
    (result, watch.spent())
}

/// Started, and asked when the work is done.
#[derive(Debug)]
pub struct Stopwatch {
    wall: Instant,
    clock: Cpu,
    cpu: u64,
}

impl Stopwatch {
    pub fn start(clock: Cpu) -> Stopwatch {
        Stopwatch { wall: Instant::now(), clock, cpu: now(clock) }
    }

    pub fn spent(&self) -> Spent {
        let wall = u64::try_from(self.wall.elapsed().as_nanos()).unwrap_or(u64::MAX);
        // At least one nanosecond, so that a rate always has a divisor.
        Spent { wall: wall.max(1), cpu: now(self.clock).saturating_sub(self.cpu).max(1) }
    }
}

fn now(clock: Cpu) -> u64 {
    let clock = match clock {
        Cpu::Thread => ClockId::ThreadCPUTime,
        Cpu::Process => ClockId::ProcessCPUTime,
    };
    let Timespec { tv_sec, tv_nsec } = clock_gettime(clock);
    let part = |n: i64| u64::try_from(n).unwrap_or(0);
    part(tv_sec).saturating_mul(1_000_000_000).saturating_add(part(tv_nsec))
}

impl std::ops::AddAssign for Spent {
    fn add_assign(&mut self, more: Spent) {
        self.wall += more.wall;
        self.cpu += more.cpu;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_waits_spends_wall_time_and_no_cpu_time() {
        let (_, spent) = timed(Cpu::Thread, || {
            std::thread::scope(|scope| {
                let other = scope.spawn(|| {
                    let (until, mut n) = (Instant::now() + std::time::Duration::from_millis(30), 0u64);
                    while Instant::now() < until {
                        n = std::hint::black_box(n + 1);
                    }
                });
                other.join().unwrap();
            });
        });
        assert!(spent.wall >= 30_000_000, "{spent:?}");
        assert!(spent.cpu < spent.wall / 2, "{spent:?}");
    }
}
