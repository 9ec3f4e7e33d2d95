//! Metrics of this process, with the names that Prometheus' client libraries use. Linux only.

use std::{fmt, fs, time::SystemTime};

use prometheus_client::{
    collector::Collector,
    encoding::DescriptorEncoder,
    metrics::{counter::ConstCounter, gauge::ConstGauge},
};
use rustix::process::{Resource, getrlimit};

use super::metrics::encode;

/// The kernel's unit of times in `/proc`, on every architecture: `USER_HZ`.
const TICKS_PER_SECOND: f64 = 100.0;

/// Measured at each scrape.
#[derive(Debug)]
pub(crate) struct ProcessMetrics {
    /// Seconds since 1970.
    started: f64,
}

/// The content of `/proc/self`.
#[derive(Debug, Default, PartialEq)]
struct Usage {
    cpu_seconds: f64,
    virtual_bytes: i64,
    resident_bytes: i64,
}

impl ProcessMetrics {
    /// Call this when the process starts.
    pub(crate) fn new() -> Self {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        Self { started: since.unwrap_or_default().as_secs_f64() }
    }
}

impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let read = |name| fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
        let usage = Usage::read(&read("stat"), &read("status"));
        // -1 is no limit.
        let limit = |resource| {
            let limit = getrlimit(resource).current;
            limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX))
        };
        // Without the one that reads the directory.
        let open = fs::read_dir("/proc/self/fd").map_or(0, |files| files.count().saturating_sub(1));
        let open = i64::try_from(open).unwrap_or(i64::MAX);
        let cpu = ConstCounter::new(usage.cpu_seconds);
        let help = "CPU time of the process in seconds";
        encode(&mut encoder, "process_cpu_seconds", help, &cpu)?;
        let help = "Start of the process in seconds since 1970";
        let started = ConstGauge::new(self.started);
        encode(&mut encoder, "process_start_time_seconds", help, &started)?;
        for (name, help, value) in [
            ("open_fds", "Open file descriptors", open),
            ("resident_memory_bytes", "Resident memory in bytes", usage.resident_bytes),
            ("virtual_memory_bytes", "Virtual memory in bytes", usage.virtual_bytes),
        ] {
            let name = format!("process_{name}");
            encode(&mut encoder, &name, help, &ConstGauge::new(value))?;
        }
        for (name, help, resource) in [
            ("max_fds", "Maximum number of open file descriptors", Resource::Nofile),
            ("virtual_memory_max_bytes", "Maximum virtual memory in bytes", Resource::As),
        ] {
            let name = format!("process_{name}");
            encode(&mut encoder, &name, help, &ConstGauge::new(limit(resource)))?;
        }
        Ok(())
    }
}

impl Usage {
    fn read(stat: &str, status: &str) -> Self {
        // The second field is the name of the program in brackets. It may contain blanks.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
            kibibytes.map_or(0, |kibibytes: i64| kibibytes.saturating_mul(1024))
        };
        Self {
            cpu_seconds: ticks / TICKS_PER_SECOND,
            virtual_bytes: bytes("VmSize:"),
            resident_bytes: bytes("VmRSS:"),
        }
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::{encoding::text, registry::Registry};

    use super::*;

    #[test]
    fn usage_is_read_from_proc() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 900 0 0 0 250 50 0 0 20 0 3 0 100 1000 2";
        let status = "Name:\ta\nVmSize:\t    2048 kB\nVmRSS:\t 1024 kB\n";
        let usage = Usage { cpu_seconds: 3.0, virtual_bytes: 2 << 20, resident_bytes: 1 << 20 };
        assert_eq!(Usage::read(stat, status), usage);
        assert_eq!(Usage::read("", ""), Usage::default());
    }

    #[test]
    fn every_series_of_a_process_has_a_value() {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(ProcessMetrics::new()));
        let mut shown = String::new();
        text::encode(&mut shown, &registry).unwrap();
        let value = |name: &str| -> f64 {
            let line = shown.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            line.unwrap_or_else(|| panic!("no {name} in {shown}")).parse().unwrap()
        };
        for name in ["open_fds", "max_fds", "resident_memory_bytes", "virtual_memory_bytes"] {
            assert!(value(&format!("process_{name}")) > 1.0, "{shown}");
        }
        assert!(value("process_start_time_seconds") > 1.7e9, "{shown}");
        assert!(value("process_cpu_seconds_total") >= 0.0, "{shown}");
    }
}
