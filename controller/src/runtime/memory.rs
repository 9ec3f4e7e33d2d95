//! The memory that all templates share, so that they cannot exhaust that of the container.

use std::{
    collections::HashMap,
    path::Path,
    sync::{Mutex, PoisonError},
};

use templates::SharedMemory;

/// A budget of bytes. One namespace holds at most half of it.
#[derive(Debug)]
pub(crate) struct TemplateMemory {
    bytes: usize,
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    all: usize,
    namespaces: HashMap<String, usize>,
}

/// The budget if no memory limit is known.
const DEFAULT_BYTES: usize = 512 << 20;

impl Default for TemplateMemory {
    fn default() -> Self {
        Self::new(DEFAULT_BYTES)
    }
}

impl TemplateMemory {
    pub(crate) fn new(bytes: usize) -> Self {
        Self { bytes, used: Mutex::default() }
    }

    /// Half of the memory that the container may use. The rest is for indexes, clients and
    /// responses.
    pub(crate) fn of_this_container() -> Self {
        let read = |path: &str| std::fs::read_to_string(Path::new(path)).ok();
        memory_limit(read).map_or_else(Self::default, |limit| Self::new(limit / 2))
    }

    /// The maximum for one namespace.
    pub(crate) fn share(&self) -> usize {
        self.bytes / 2
    }

    fn change(&self, namespace: &str, change: impl FnOnce(usize) -> Option<usize>) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let before = used.namespaces.get(namespace).copied().unwrap_or(0);
        let Some(after) = change(before).filter(|after| *after <= self.share().max(before)) else {
            return false;
        };
        let all = used.all - before + after;
        if all > self.bytes.max(used.all) {
            return false;
        }
        used.all = all;
        if after == 0 {
            used.namespaces.remove(namespace);
        } else {
            used.namespaces.insert(namespace.to_owned(), after);
        }
        true
    }
}

/// The budget of the templates of one namespace.
pub(crate) struct NamespaceMemory<'m> {
    pub(crate) memory: &'m TemplateMemory,
    pub(crate) namespace: &'m str,
}

impl SharedMemory for NamespaceMemory<'_> {
    fn take(&self, bytes: usize) -> bool {
        self.memory.change(self.namespace, |used| used.checked_add(bytes))
    }

    fn give_back(&self, bytes: usize) {
        self.memory.change(self.namespace, |used| Some(used.saturating_sub(bytes)));
    }
}

/// The smallest limit of the control group of this process and those around it, in bytes. Both versions
/// of control groups are known: <https://docs.kernel.org/admin-guide/cgroup-v2.html#memory>.
fn memory_limit(read: impl Fn(&str) -> Option<String>) -> Option<usize> {
    let groups = read("/proc/self/cgroup")?;
    let limits = groups.lines().flat_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, group) = (fields.next().unwrap_or(""), fields.next().unwrap_or("/"));
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => return Vec::new(),
        };
        let groups = Path::new(group.trim_start_matches('/')).ancestors();
        let path = |group: &Path| Path::new(root).join(group).join(file).display().to_string();
        groups.filter_map(|group| read(&path(group))?.trim().parse().ok()).collect()
    });
    // Version 1 has a huge number instead of no limit.
    limits.min().filter(|limit| *limit < 1 << 50)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_namespace_holds_at_most_half_of_the_memory() {
        let memory = &TemplateMemory::new(100);
        let of = |namespace| NamespaceMemory { memory, namespace };
        let (hostile, other, honest) = (of("hostile"), of("other"), of("honest"));
        assert!(hostile.take(40));
        assert!(!hostile.take(11));
        assert!(of("hostile").take(10));
        assert!(honest.take(30));
        assert!(!other.take(21), "all of them together hold no more than there is");
        hostile.give_back(50);
        assert!(other.take(21));
        other.give_back(21);
        honest.give_back(30);
        let used = memory.used.lock().unwrap();
        assert_eq!((used.all, used.namespaces.len()), (0, 0));
    }

    #[test]
    fn memory_limit_is_the_smallest_of_the_control_groups() {
        let limit = |files: &[(&str, &str)]| {
            let files: HashMap<_, _> = files.iter().copied().collect();
            memory_limit(|path| files.get(path).map(ToString::to_string))
        };
        let own = "/sys/fs/cgroup/memory.max";
        assert_eq!(
            limit(&[("/proc/self/cgroup", "0::/\n"), (own, "268435456\n")]),
            Some(256 << 20)
        );
        assert_eq!(limit(&[("/proc/self/cgroup", "0::/\n"), (own, "max\n")]), None);
        let nested = [
            ("/proc/self/cgroup", "0::/pod/container\n"),
            ("/sys/fs/cgroup/pod/container/memory.max", "max\n"),
            ("/sys/fs/cgroup/pod/memory.max", "1000\n"),
        ];
        assert_eq!(limit(&nested), Some(1000));
        let first = [
            ("/proc/self/cgroup", "5:cpu:/\n4:memory:/\n"),
            ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "2000\n"),
        ];
        assert_eq!(limit(&first), Some(2000));
        assert_eq!(limit(&[]), None);
    }
}
