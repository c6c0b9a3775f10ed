//! Where a measurement was made, and how much memory this process takes.
use std::fs;
use std::process::Command;

/// The machine and the code a measurement belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    /// In MiB.
    pub memory: u64,
    pub kernel: String,
    /// The short hash, with `+changes` where the checkout has any.
    pub commit: String,
    /// `release` or `debug`.
    pub build: &'static str,
    /// `YYYY-MM-DD`, UTC.
    pub date: String,
    /// What else ran: the load of the last minute as the measurement began.
    pub load: String,
}

impl Machine {
    /// What this machine says of itself; `unknown` where it says nothing.
    pub fn here() -> Machine {
        let info = read("/proc/cpuinfo");
        let cpu = info.lines().find_map(|l| l.strip_prefix("model name")).and_then(|l| l.split_once(':'));
        Machine {
            cpu: cpu.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: kilobytes(&read("/proc/meminfo"), "MemTotal:") / 1024,
            kernel: or_unknown(read("/proc/sys/kernel/osrelease").trim()),
            commit: commit(),
            build: if cfg!(debug_assertions) { "debug" } else { "release" },
            date: jiff::Timestamp::now().strftime("%Y-%m-%d").to_string(),
            load: or_unknown(read("/proc/loadavg").split(' ').next().unwrap_or_default()),
        }
    }
}

/// Memory of this process that is resident, in bytes.
pub fn resident() -> u64 {
    kilobytes(&read("/proc/self/status"), "VmRSS:") * 1024
}

/// The most of it since the last [`forget_peak`], in bytes.
pub fn peak() -> u64 {
    kilobytes(&read("/proc/self/status"), "VmHWM:") * 1024
}

/// Lets the peak begin again at what is resident now. Where the system does not allow it, the peak is that of the whole process.
pub fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn or_unknown(text: &str) -> String {
    if text.is_empty() { "unknown".to_owned() } else { text.to_owned() }
}

/// The number behind a name, as the files below `/proc` print it in kB; 0 where it is not there.
fn kilobytes(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|l| l.strip_prefix(name));
    line.and_then(|l| l.split_whitespace().next()).and_then(|n| n.parse().ok()).unwrap_or(0)
}

fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").args(arguments).output().ok().filter(|o| o.status.success())?;
        String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned())
    };
    let Some(hash) = git(&["rev-parse", "--short", "HEAD"]) else { return "unknown".to_owned() };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => hash,
        _ => format!("{hash}+changes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_written_to_is_resident() {
        let before = resident();
        let mut block = vec![0u8; 32 << 20];
        block.iter_mut().step_by(4096).for_each(|b| *b = 1);
        assert!(std::hint::black_box(&block).len() == 32 << 20);
        assert!(resident() >= before + (24 << 20));
        assert!(peak() >= resident() - (1 << 20));
    }

    #[test]
    fn a_number_is_read_by_its_name() {
        assert_eq!(kilobytes("VmHWM:\t  120 kB\nVmRSS:\t   96 kB\n", "VmRSS:"), 96);
        assert_eq!(kilobytes("", "VmRSS:"), 0);
    }
}
