//! Requirements of a node that this machine does not meet.

use std::fmt;
use std::fs;

use super::programs::PROGRAMS;

/// A requirement of a node that this machine or user does not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Missing {
    /// Another operating system.
    Linux,
    /// The user is not root.
    Root,
    /// The user is root without this capability, as in most containers.
    Capability(&'static str),
    /// There is no writable control group for this resource.
    ControlGroup(&'static str),
    /// A program.
    Program {
        /// Its name.
        name: &'static str,
        /// The Debian package that contains it.
        package: &'static str,
    },
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::Linux => f.write_str("Linux"),
            Missing::Root => f.write_str("root"),
            Missing::Capability(name) => write!(f, "the capability {name}"),
            Missing::ControlGroup(name) => write!(f, "writable control groups for {name}"),
            Missing::Program { name, package } => {
                write!(f, "the program {name} (Debian's package {package})")
            }
        }
    }
}

/// The requirements that this machine does not meet. This changes nothing.
pub fn missing() -> Vec<Missing> {
    if !cfg!(target_os = "linux") {
        return vec![Missing::Linux];
    }
    if !rustix::process::geteuid().is_root() {
        return vec![Missing::Root];
    }
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let mut missing = capabilities(&read("/proc/self/status"));
    missing.extend(control_groups(&read("/proc/self/mounts"), &|root| {
        read(&format!("{root}/cgroup.controllers"))
    }));
    missing.extend(
        PROGRAMS
            .iter()
            .filter(|program| !program.is_installed())
            .map(|program| Missing::Program { name: program.name, package: program.package }),
    );
    missing
}

/// Numbers from `capabilities(7)`: for the network, for mounts and namespaces, and for devices of
/// containers.
const CAPABILITIES: &[(&str, u32)] =
    &[("CAP_NET_ADMIN", 12), ("CAP_SYS_ADMIN", 21), ("CAP_MKNOD", 27)];

fn capabilities(status: &str) -> Vec<Missing> {
    let effective = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok())
        .unwrap_or(0);
    CAPABILITIES
        .iter()
        .filter(|(_, bit)| effective >> bit & 1 == 0)
        .map(|(name, _)| Missing::Capability(name))
        .collect()
}

/// The resources that the kubelet limits.
const CONTROLLERS: &[&str] = &["cpu", "memory", "pids"];

fn control_groups(mounts: &str, controllers_of: &dyn Fn(&str) -> String) -> Vec<Missing> {
    let mounts: Vec<Mount<'_>> = mounts.lines().filter_map(Mount::parse).collect();
    let offers = |mount: &Mount<'_>, controller: &&str| match mount.kind {
        "cgroup" => mount.options.split(',').any(|option| option == *controller),
        "cgroup2" => {
            controllers_of(mount.path).split_whitespace().any(|offered| offered == *controller)
        }
        _ => false,
    };
    CONTROLLERS
        .iter()
        .filter(|controller| {
            !mounts.iter().any(|mount| offers(mount, controller) && mount.is_writable())
        })
        .map(|controller| Missing::ControlGroup(controller))
        .collect()
}

/// A line of `/proc/self/mounts`.
struct Mount<'a> {
    path: &'a str,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    fn parse(line: &'a str) -> Option<Mount<'a>> {
        let mut fields = line.split(' ').skip(1);
        Some(Mount { path: fields.next()?, kind: fields.next()?, options: fields.next()? })
    }

    fn is_writable(&self) -> bool {
        self.options.split(',').any(|option| option == "rw")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "\
        tmpfs /sys/fs/cgroup tmpfs rw,relatime,mode=755 0 0\n\
        cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0\n\
        cgroup /sys/fs/cgroup/memory cgroup rw,relatime,memory 0 0\n\
        cgroup /sys/fs/cgroup/pids cgroup rw,relatime,pids 0 0\n\
        cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0\n";

    #[test]
    fn both_cgroup_versions_suffice() {
        assert_eq!(control_groups(V1, &|_| "hugetlb".into()), []);
        let v2 = "cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid,nsdelegate 0 0\n";
        assert_eq!(control_groups(v2, &|_| "cpuset cpu io memory pids".into()), []);
    }

    #[test]
    fn read_only_cgroups_count_as_missing() {
        let read_only = V1.replace("memory cgroup rw", "memory cgroup ro");
        let missing = control_groups(&read_only, &|_| "hugetlb".into());
        assert_eq!(missing, [Missing::ControlGroup("memory")]);
        let v2 = "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n";
        let missing = control_groups(v2, &|_| "cpu memory".into());
        assert_eq!(missing, [Missing::ControlGroup("pids")]);
    }

    #[test]
    fn container_root_lacks_capabilities() {
        assert_eq!(capabilities("Name:\tx\nCapEff:\t000001ffffffffff\n"), []);
        let missing = capabilities("CapEff:\t00000000a80425fb\n");
        let lost = ["CAP_NET_ADMIN", "CAP_SYS_ADMIN"].map(Missing::Capability);
        assert_eq!(missing, lost);
    }

    #[test]
    fn missing_program_is_reported_with_its_package() {
        let missing = Missing::Program { name: "nft", package: "nftables" };
        assert_eq!(missing.to_string(), "the program nft (Debian's package nftables)");
    }
}
