//! Replaces files. Secrets go only to files that no other user can read.

use std::{
    fs::{self, File, Metadata},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::{
    error::{Explain, hint, root_cause, shown},
    exit::Exit,
};

/// The users that may read a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Audience {
    /// For a new file all users that the umask allows, otherwise those that may read the existing
    /// file.
    Everyone,
    /// Only the user, because the file contains secrets.
    Owner,
}

impl Audience {
    /// The permission bits that the file may have.
    #[cfg(unix)]
    fn mask(self) -> u32 {
        match self {
            Self::Everyone => 0o7777,
            Self::Owner => 0o600,
        }
    }
}

/// The mode of a file was reduced.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Narrowed {
    pub(super) from: u32,
    pub(super) to: u32,
}

/// Replaces a file atomically. An existing file keeps its mode, as far as the audience allows. A
/// symbolic link stays, and its target is replaced. Pipes and devices are written to directly.
///
/// Secrets never go through a link to a file, and never into a file of another user: in a directory
/// that others can write to, the name may lead anywhere.
pub(super) fn replace(
    path: &Path,
    bytes: &[u8],
    audience: Audience,
) -> Result<Option<Narrowed>, FileError> {
    let failed = |source| FileError::Io { path: path.to_owned(), source };
    let link = unless_missing(fs::symlink_metadata(path)).map_err(failed)?;
    let existing = unless_missing(fs::metadata(path)).map_err(failed)?;
    if let Some(link) = link.filter(|_| audience == Audience::Owner) {
        check_private(path, &link, existing.as_ref())?;
    }
    if existing.as_ref().is_some_and(is_special) {
        return write_special(path, bytes).map(|()| None);
    }
    let target = if existing.is_some() { fs::canonicalize(path) } else { Ok(path.to_owned()) };
    persist(&target.map_err(failed)?, bytes, audience, existing.as_ref()).map_err(failed)
}

fn unless_missing(metadata: io::Result<Metadata>) -> io::Result<Option<Metadata>> {
    match metadata {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn is_special(metadata: &Metadata) -> bool {
    !metadata.is_file() && !metadata.is_dir()
}

#[cfg(unix)]
fn check_private(
    path: &Path,
    link: &Metadata,
    existing: Option<&Metadata>,
) -> Result<(), FileError> {
    use std::os::unix::fs::MetadataExt as _;

    for owner in [Some(link), existing].into_iter().flatten().map(Metadata::uid) {
        if !crate::trust::is_trusted(owner) {
            return Err(FileError::OtherOwner { path: path.to_owned(), owner });
        }
    }
    // `/dev/stdout` and the shell's `>(command)` are links to pipes and terminals.
    if link.is_symlink() && !existing.is_some_and(is_special) {
        return Err(FileError::Link { path: path.to_owned() });
    }
    Ok(())
}

#[cfg(not(unix))]
fn check_private(path: &Path, link: &Metadata, _: Option<&Metadata>) -> Result<(), FileError> {
    if link.is_symlink() { Err(FileError::Link { path: path.to_owned() }) } else { Ok(()) }
}

/// Writes to a pipe or a device. A pipe without a reader is an error, because the write could block
/// forever.
#[cfg(unix)]
fn write_special(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    use std::os::unix::fs::OpenOptionsExt as _;

    use rustix::{fs::OFlags, io::Errno};

    let failed = |source: io::Error| match source.raw_os_error() {
        Some(code) if code == Errno::NXIO.raw_os_error() => {
            FileError::NoReader { path: path.to_owned() }
        }
        _ => FileError::Io { path: path.to_owned(), source },
    };
    let flags = (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed();
    let mut file = File::options().write(true).custom_flags(flags).open(path).map_err(failed)?;
    // From here on, wait for a slow reader.
    rustix::fs::fcntl_getfl(&file)
        .and_then(|flags| rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK))
        .map_err(|error| failed(error.into()))?;
    file.write_all(bytes).map_err(failed)
}

#[cfg(not(unix))]
fn write_special(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    File::options()
        .write(true)
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .map_err(|source| FileError::Io { path: path.to_owned(), source })
}

fn persist(
    path: &Path,
    bytes: &[u8],
    audience: Audience,
    existing: Option<&Metadata>,
) -> io::Result<Option<Narrowed>> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    builder.prefix(".mtk-seal-");
    // The umask applies to these permissions.
    #[cfg(unix)]
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666 & audience.mask());
    #[cfg(unix)]
    builder.permissions(permissions);
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(bytes)?;
    #[cfg(unix)]
    if let Some(existing) = existing {
        keep_owner(file.as_file(), existing)?;
    }
    let narrowed = match existing {
        Some(existing) => set_mode(file.as_file(), existing, audience)?,
        None => None,
    };
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(narrowed)
}

/// Gives the file the owner and the group of the existing one, as far as the user may.
#[cfg(unix)]
fn keep_owner(file: &File, existing: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};

    let now = file.metadata()?;
    let (uid, gid) = (existing.uid(), existing.gid());
    if (now.uid(), now.gid()) != (uid, gid) && fchown(file, Some(uid), Some(gid)).is_err() {
        // Only root may give files away. A member of the group may set it.
        let _ = fchown(file, None, Some(gid));
    }
    Ok(())
}

#[cfg(unix)]
fn set_mode(file: &File, existing: &Metadata, audience: Audience) -> io::Result<Option<Narrowed>> {
    use std::os::unix::fs::PermissionsExt as _;

    let from = existing.permissions().mode() & 0o7777;
    let to = from & audience.mask();
    file.set_permissions(fs::Permissions::from_mode(to))?;
    Ok((from != to).then_some(Narrowed { from, to }))
}

#[cfg(not(unix))]
fn set_mode(file: &File, existing: &Metadata, _: Audience) -> io::Result<Option<Narrowed>> {
    file.set_permissions(existing.permissions())?;
    Ok(None)
}

/// Why a file cannot be written. It is unchanged.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FileError {
    /// The operating system reported an error.
    #[error("cannot write `{}`: {}", shown(path), root_cause(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// A symbolic link instead of a file for secrets.
    #[error("cannot write secrets to `{}`: it is a symbolic link", shown(path))]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// A pipe without a reader.
    #[error("cannot write `{}`: no program reads from this pipe", shown(path))]
    NoReader {
        /// The pipe.
        path: PathBuf,
    },
    /// A file of another user instead of a file for secrets.
    #[error("cannot write secrets to `{}`: it belongs to another user (uid {owner})", shown(path))]
    OtherOwner {
        /// The file.
        path: PathBuf,
        /// The uid of the owner.
        owner: u32,
    },
}

impl Explain for FileError {
    fn exit(&self) -> Exit {
        Exit::Output
    }

    fn hints(&self) -> Vec<String> {
        match self {
            Self::Io { .. } => {
                hint("the file is unchanged; its directory must exist and be writable")
            }
            Self::Link { .. } => hint("give the path of the file itself"),
            Self::NoReader { .. } => hint("start the program that reads from it first"),
            Self::OtherOwner { .. } => hint("remove it, or give another path"),
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use rustix::fs::{CWD, FileType, Mode, Uid};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("a file").permissions().mode() & 0o777
    }

    fn file_of_mode(path: &Path, mode: u32) {
        fs::write(path, "old").expect("a written file");
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
    }

    fn pipe(path: &Path) {
        rustix::fs::mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0)
            .expect("a pipe");
    }

    #[test]
    fn existing_file_keeps_its_mode() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sealed.yaml");
        file_of_mode(&path, 0o640);
        assert_eq!(replace(&path, b"new", Audience::Everyone).unwrap(), None);
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("new", 0o640));
    }

    #[test]
    fn existing_file_that_gets_secrets_loses_the_rights_of_others() {
        let directory = tempfile::tempdir().unwrap();
        for (before, after) in [(0o644, 0o600), (0o666, 0o600), (0o440, 0o400), (0o600, 0o600)] {
            let path = directory.path().join(format!("{before:o}"));
            file_of_mode(&path, before);
            let narrowed = replace(&path, b"new", Audience::Owner).unwrap();
            assert_eq!(mode(&path), after, "{before:o}");
            let expected = (before != after).then_some(Narrowed { from: before, to: after });
            assert_eq!(narrowed, expected, "{before:o}");
        }
    }

    #[test]
    fn new_file_with_secrets_is_readable_only_by_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("secret.yaml");
        replace(&path, b"x", Audience::Owner).unwrap();
        assert_eq!(mode(&path), 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn symbolic_link_is_kept_but_gets_no_secrets() {
        let directory = tempfile::tempdir().unwrap();
        let (file, link) = (directory.path().join("file"), directory.path().join("link"));
        symlink(&file, &link).unwrap();
        let refused = |link: &Path| replace(link, b"secret", Audience::Owner).unwrap_err();
        assert!(matches!(refused(&link), FileError::Link { .. }), "a link to a missing file");
        fs::write(&file, "old").unwrap();
        assert!(matches!(refused(&link), FileError::Link { .. }));
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");

        replace(&link, b"new", Audience::Everyone).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&file).unwrap(), "new");
    }

    #[test]
    fn file_and_pipe_of_another_user_get_no_secrets() {
        if !rustix::process::geteuid().is_root() {
            return; // Only root can give files away.
        }
        let directory = tempfile::tempdir().unwrap();
        let (file, fifo) = (directory.path().join("file"), directory.path().join("pipe"));
        fs::write(&file, "old").unwrap();
        pipe(&fifo);
        for path in [&file, &fifo] {
            rustix::fs::chown(path, Some(Uid::from_raw(12345)), None).unwrap();
            let error = replace(path, b"secret", Audience::Owner).unwrap_err();
            assert!(matches!(error, FileError::OtherOwner { owner: 12345, .. }), "{error}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "old");
        replace(&file, b"new", Audience::Everyone).unwrap();
    }

    /// Only root can give files away. The test has nothing to compare otherwise.
    #[test]
    fn replaced_file_keeps_its_owner_and_group() {
        use std::os::unix::fs::{MetadataExt as _, chown};

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        fs::write(&path, b"old").unwrap();
        let is_root = chown(&path, Some(12345), Some(12346)).is_ok();
        let before = fs::metadata(&path).unwrap();
        replace(&path, b"new", Audience::Everyone).unwrap();
        let after = fs::metadata(&path).unwrap();
        assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
        assert_eq!(is_root, after.uid() == 12345);
    }

    #[test]
    fn pipe_without_a_reader_is_an_error_and_one_with_a_reader_gets_everything() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pipe");
        pipe(&path);
        for audience in [Audience::Everyone, Audience::Owner] {
            let error = replace(&path, b"x", audience).unwrap_err();
            assert!(matches!(error, FileError::NoReader { .. }), "{error}");
        }
        // Opened for both, the pipe has a reader at once. A thread reads more than the pipe holds.
        let reader = File::options().read(true).write(true).open(&path).unwrap();
        let bytes = vec![b'x'; 1024 * 1024];
        let mut received = vec![0; bytes.len()];
        std::thread::scope(|scope| {
            scope.spawn(|| io::Read::read_exact(&mut &reader, &mut received).unwrap());
            replace(&path, &bytes, Audience::Owner).unwrap();
        });
        assert_eq!(received, bytes);
    }
}
