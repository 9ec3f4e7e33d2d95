//! The programs of the system that a node uses.

use std::env;
use std::ffi::OsStr;
use std::path::Path;

/// A program that a node uses.
pub(super) struct Program {
    pub(super) name: &'static str,
    /// The package in Debian and Ubuntu.
    pub(super) package: &'static str,
    /// The directories to search for it, in addition to `PATH`.
    directories: &'static [&'static str],
}

impl Program {
    pub(super) fn is_installed(&self) -> bool {
        is_installed(self.name, self.directories)
    }
}

const SYSTEM: &[&str] = &["/usr/local/sbin", "/usr/sbin", "/sbin"];
const PLUGINS: &[&str] = &["/usr/lib/cni", "/opt/cni/bin"];

pub(super) const PROGRAMS: &[Program] = &[
    Program { name: "host-local", package: "containernetworking-plugins", directories: PLUGINS },
    Program { name: "mount", package: "mount", directories: SYSTEM },
    Program { name: "nft", package: "nftables", directories: SYSTEM },
    Program { name: "ptp", package: "containernetworking-plugins", directories: PLUGINS },
    Program { name: "runc", package: "runc", directories: SYSTEM },
];

/// Whether a directory of `PATH`, or one of `directories`, has the program.
pub(super) fn is_installed(name: &str, directories: &[&str]) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    let searched = env::split_paths(&path).collect::<Vec<_>>();
    let named = directories.iter().map(Path::new);
    searched
        .iter()
        .map(AsRef::as_ref)
        .chain(named)
        .any(|directory: &Path| directory.join(OsStr::new(name)).is_file())
}
