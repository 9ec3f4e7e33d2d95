//! The files that this program trusts: those that no other user can change.

use std::{fs::File, io, path::Path};

/// Opens a regular file that no other user can change. It belongs to the user, to root, or under
/// `sudo` to the calling user, and so does a symbolic link to it. The directory may be writable by
/// others: a file that they place there belongs to them, and is refused.
#[cfg(unix)]
pub(crate) fn open(path: &Path) -> Result<File, OpenError> {
    use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};

    // Without this flag, a pipe instead of the file would block until another process writes to it.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = File::options().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    for owner in [std::fs::symlink_metadata(path)?.uid(), metadata.uid()] {
        if !is_trusted(owner) {
            return Err(Untrusted::OtherOwner(owner).into());
        }
    }
    if !metadata.is_file() {
        return Err(Untrusted::NotAFile.into());
    }
    if is_writable_by_others(metadata.mode(), metadata.uid(), metadata.gid()) {
        return Err(Untrusted::WritableByOthers(metadata.mode() & 0o777).into());
    }
    Ok(file)
}

/// On Windows, other users cannot write to a user's directories.
#[cfg(not(unix))]
pub(crate) fn open(path: &Path) -> Result<File, OpenError> {
    Ok(File::open(path)?)
}

/// Whether files of this owner are trusted.
#[cfg(unix)]
pub(crate) fn is_trusted(owner: u32) -> bool {
    let user = rustix::process::geteuid();
    let caller =
        std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse().ok()).filter(|_| user.is_root());
    is_trusted_by(user.as_raw(), caller, owner)
}

#[cfg(unix)]
fn is_trusted_by(user: u32, sudo_caller: Option<u32>, owner: u32) -> bool {
    owner == user || owner == 0 || sudo_caller == Some(owner)
}

/// Whether the mode lets users write who do not own the file. The private group of a user does not
/// count: it has the user's number and no other member, and with it distributions set the umask 002.
#[cfg(unix)]
fn is_writable_by_others(mode: u32, owner: u32, group: u32) -> bool {
    let private_group = owner == group && owner != 0;
    mode & if private_group { 0o002 } else { 0o022 } != 0
}

/// Why a file cannot be opened or trusted.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// The operating system reported an error.
    Io(io::Error),
    /// Another user can change the file.
    Untrusted(Untrusted),
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Untrusted> for OpenError {
    fn from(problem: Untrusted) -> Self {
        Self::Untrusted(problem)
    }
}

/// Why a file is not trusted. The text follows the name of the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(crate) enum Untrusted {
    /// A pipe, a device or a directory.
    #[error("is not a regular file")]
    NotAFile,
    /// The file, or a symbolic link to it, belongs to another user.
    #[error("belongs to another user (uid {0})")]
    OtherOwner(u32),
    /// The group or all users may write to the file.
    #[error("is writable by other users (mode {0:o})")]
    WritableByOthers(u32),
}

impl Untrusted {
    /// The command that makes the file trusted, if one does.
    pub(crate) fn remedy(self, path: &Path) -> Option<String> {
        matches!(self, Self::WritableByOthers(_))
            .then(|| format!("`chmod go-w {}` takes the right from them", path.display()))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::{
        fs::{self, Permissions},
        os::unix::fs::PermissionsExt as _,
    };

    use super::*;

    #[test]
    fn files_of_user_root_and_sudo_caller_are_trusted() {
        assert!(is_trusted_by(1000, None, 1000));
        assert!(is_trusted_by(1000, None, 0));
        assert!(is_trusted_by(0, Some(1000), 1000));
        assert!(!is_trusted_by(0, None, 1000));
        assert!(!is_trusted_by(1000, None, 1001));
    }

    #[test]
    fn only_the_private_group_of_the_owner_may_write() {
        assert!(!is_writable_by_others(0o644, 1000, 100));
        assert!(!is_writable_by_others(0o664, 1000, 1000));
        assert!(is_writable_by_others(0o664, 1000, 100));
        assert!(is_writable_by_others(0o664, 0, 0));
        assert!(is_writable_by_others(0o646, 1000, 1000));
    }

    #[test]
    fn file_that_others_can_write_is_rejected() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, OpenError::Untrusted(Untrusted::WritableByOthers(0o666))));
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        open(&path).unwrap();
    }

    #[test]
    fn pipe_in_place_of_a_file_is_rejected_without_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pipe");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        let error = open(&path).unwrap_err();
        assert!(matches!(error, OpenError::Untrusted(Untrusted::NotAFile)));
    }
}
