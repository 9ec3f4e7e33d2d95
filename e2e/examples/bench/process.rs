//! Processor time and memory of a process, from `/proc`, and sums of its metrics.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use anyhow::Context;

/// The unit of times in `/proc/PID/stat`: `USER_HZ`, 100 on every architecture that we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// Resources that a process has used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usage {
    /// Processor time, user and system.
    pub(super) cpu_seconds: f64,
    /// Resident memory now, in KiB.
    resident_kib: u64,
    /// Peak resident memory, in KiB.
    peak_kib: u64,
}

impl Usage {
    /// Reads them for a process.
    pub(super) fn of(pid: u32) -> anyhow::Result<Usage> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        Usage::parse(&stat, &status).with_context(|| format!("reading /proc/{pid}"))
    }

    fn parse(stat: &str, status: &str) -> Option<Usage> {
        // Field 2, the command's name, may contain blanks and brackets: the count starts after its
        // last bracket, at field 3. Fields 14 and 15 are the times (proc_pid_stat(5)).
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<_> = fields.split_whitespace().collect();
        let ticks = |field: usize| fields.get(field - 3)?.parse::<f64>().ok();
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        Some(Usage {
            cpu_seconds: (ticks(14)? + ticks(15)?) / TICKS_PER_SECOND,
            resident_kib: kib("VmRSS:")?,
            peak_kib: kib("VmHWM:")?,
        })
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} CPU seconds, {} MiB resident, {} MiB at most",
            self.cpu_seconds,
            self.resident_kib / 1024,
            self.peak_kib / 1024
        )
    }
}

/// The sum of the metrics whose names with labels begin so.
pub(super) fn sum(metrics: &BTreeMap<String, f64>, name: &str) -> f64 {
    let named = metrics.iter().filter(|(metric, _)| metric.starts_with(name));
    // The sum of no floats is -0.
    named.fold(0.0, |sum, (_, value)| sum + value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_memory_are_read_after_a_name_with_brackets() {
        let stat = "7 (a) b) S 1 1 1 0 -1 0 1 2 3 4 250 50 0 0 20 0 4 0 9 1 1";
        let status = "Name:\ta\nVmHWM:\t  4096 kB\nVmRSS:\t  2048 kB\n";
        let usage = Usage::parse(stat, status).unwrap();
        assert!((usage.cpu_seconds - 3.0).abs() < 1e-9);
        assert_eq!(usage.to_string(), "3.00 CPU seconds, 2 MiB resident, 4 MiB at most");
    }
}
