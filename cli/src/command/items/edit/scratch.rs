//! The file that the editor opens: in memory, and in a directory that only the user can enter.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::{command::items::error::ItemsError, error::Failure, input::Input};

/// The name by which editors recognise the syntax.
const FILE_NAME: &str = "secrets.env";

/// A directory with the file, and with those that the editor creates beside it. All are wiped and
/// removed at the end.
pub(super) struct Scratch {
    directory: TempDir,
}

impl Scratch {
    /// Creates the directory, on a disk only if that is allowed.
    pub(super) fn new(on_disk: bool) -> Result<Self, ItemsError> {
        let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let in_memory = runtime.into_iter().chain([PathBuf::from("/dev/shm")]);
        let found = in_memory.filter(|path| is_in_memory(path)).find_map(|path| create(&path).ok());
        match found {
            Some(directory) => Ok(Self { directory }),
            None if on_disk => {
                let directory = create(&std::env::temp_dir()).map_err(ItemsError::Scratch)?;
                Ok(Self { directory })
            }
            None => Err(ItemsError::NoMemory),
        }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join(FILE_NAME)
    }

    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), ItemsError> {
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(self.path()).and_then(|mut file| file.write_all(bytes));
        written.map_err(ItemsError::Scratch)
    }

    pub(super) fn read(&self) -> Result<Zeroizing<String>, Failure> {
        let mut input = Input::file(&self.path())?;
        "edited text".clone_into(&mut input.name);
        Ok(Zeroizing::new(input.text()?.to_owned()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        wipe(self.directory.path());
        // The directory removes itself.
    }
}

fn create(parent: &Path) -> io::Result<TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("mtk-seal-edit-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    builder.tempdir_in(parent)
}

/// Overwrites all files. An editor may have left copies.
fn wipe(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => wipe(&path),
            Ok(metadata) if metadata.is_file() => {
                // If this fails, the file is still removed.
                let _ = overwrite(&path, metadata.len());
            }
            _ => {}
        }
    }
}

fn overwrite(path: &Path, size: u64) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    io::copy(&mut io::Read::take(io::repeat(0), size), &mut file)?;
    file.sync_all()
}

#[cfg(target_os = "linux")]
fn is_in_memory(path: &Path) -> bool {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    let kind =
        rustix::fs::statfs(path).map(|found| u64::try_from(found.f_type).unwrap_or_default());
    kind.is_ok_and(|kind| [TMPFS, RAMFS].contains(&kind))
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_: &Path) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn only_the_user_can_read_the_file_which_is_removed() {
        let scratch = Scratch::new(true).unwrap();
        scratch.write(b"hunter2").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&scratch.path()), 0o600);
        assert_eq!(mode(scratch.directory.path()), 0o700);
        let path = scratch.path();
        // Another link to the file shows that it is wiped.
        let elsewhere = scratch.directory.path().with_extension("link");
        fs::hard_link(&path, &elsewhere).unwrap();
        drop(scratch);
        assert!(!path.exists() && !path.parent().unwrap().exists());
        assert_eq!(fs::read(&elsewhere).unwrap(), [0; 7]);
        fs::remove_file(elsewhere).unwrap();
    }

    #[test]
    fn disk_is_not_memory() {
        assert!(!is_in_memory(Path::new("/proc")));
        assert!(!is_in_memory(Path::new("/nonexistent")));
    }
}
