//! Files that only the user can read, in the state directory of the user.

use std::{
    fs::{self, File, Metadata},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use sealing::RecordKey;
use zeroize::Zeroizing;

use crate::error::{root_cause, shown};

/// `$XDG_STATE_HOME/mtk-seal`, or `~/.local/state/mtk-seal`. None if the home directory is missing or
/// belongs to another user, as under `sudo`.
pub(super) fn state_directory() -> Option<PathBuf> {
    let given = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    let (base, state) = match given.filter(|path| path.is_absolute()) {
        Some(state) if state.exists() => (state.clone(), state),
        Some(state) => (state.parent()?.to_owned(), state),
        None => {
            let home = std::env::home_dir().filter(|home| home.is_absolute())?;
            let state = home.join(".local/state");
            (home, state)
        }
    };
    fs::metadata(base)
        .is_ok_and(|base| base.is_dir() && is_own(&base))
        .then(|| state.join("mtk-seal"))
}

/// Creates the directory with mode 0700, or checks that only the user can enter it.
pub(super) fn create_directory(path: &Path) -> Result<(), Unusable> {
    let failed = |source| Unusable::Io { path: path.to_owned(), source };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(failed)?;
    let metadata = fs::symlink_metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        check(path, &metadata)
    } else {
        Err(Unusable::NotAFile(path.to_owned()))
    }
}

/// The key in a file, which is created if it is missing.
pub(super) fn key(path: &Path) -> Result<Zeroizing<[u8; RecordKey::LEN]>, Unusable> {
    if read(path, RecordKey::LEN as u64)?.is_none() {
        create_key(path).map_err(|source| Unusable::Io { path: path.to_owned(), source })?;
    }
    // Another run may have created the key first, so the file decides.
    let bytes = read(path, RecordKey::LEN as u64)?.unwrap_or_default();
    let key = bytes.as_slice().try_into().map_err(|_| Unusable::Key(path.to_owned()))?;
    Ok(Zeroizing::new(key))
}

fn create_key(path: &Path) -> io::Result<()> {
    let bytes = RecordKey::generate().map_err(io::Error::other)?;
    let directory = path.parent().unwrap_or(path);
    // The mode is 0600.
    let mut file = tempfile::Builder::new().prefix("new-").tempfile_in(directory)?;
    file.write_all(&*bytes)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

/// The content of a file that only the user can read. None if it is missing. Links are not followed,
/// and pipes are not waited for.
pub(super) fn read(path: &Path, limit: u64) -> Result<Option<Zeroizing<Vec<u8>>>, Unusable> {
    let failed = |source| Unusable::Io { path: path.to_owned(), source };
    let file = match open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(_) if path.is_symlink() => return Err(Unusable::NotAFile(path.to_owned())),
        opened => opened.map_err(failed)?,
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Unusable::NotAFile(path.to_owned()));
    }
    check(path, &metadata)?;
    if metadata.len() > limit {
        return Err(Unusable::Key(path.to_owned()));
    }
    // Growing would leave a copy of a key behind that is not wiped.
    let size = usize::try_from(metadata.len()).unwrap_or_default();
    let mut bytes = Zeroizing::new(Vec::with_capacity(size + 1));
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY;
        options.custom_flags(flags.bits().cast_signed());
    }
    options.open(path)
}

#[cfg(unix)]
fn check(path: &Path, metadata: &Metadata) -> Result<(), Unusable> {
    use std::os::unix::fs::MetadataExt as _;

    match metadata.mode() & 0o777 {
        _ if !is_own(metadata) => Err(Unusable::OtherOwner(path.to_owned())),
        mode if mode & 0o077 != 0 => Err(Unusable::Readable { path: path.to_owned(), mode }),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn is_own(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::uid(metadata) == rustix::process::geteuid().as_raw()
}

/// On Windows, other users cannot read a user's directories.
#[cfg(not(unix))]
fn check(_: &Path, _: &Metadata) -> Result<(), Unusable> {
    Ok(())
}

#[cfg(not(unix))]
fn is_own(_: &Metadata) -> bool {
    true
}

/// Why a file of the record cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// The operating system reported an error.
    #[error("cannot use `{}`: {}", shown(path), root_cause(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// The file is no key.
    #[error("`{}` is not a key of {} bytes", shown(.0), RecordKey::LEN)]
    Key(PathBuf),
    /// A link, a pipe, a device, or a directory in place of a file.
    #[error("`{}` is a link, or of the wrong type", shown(.0))]
    NotAFile(PathBuf),
    /// The file of another user.
    #[error("`{}` belongs to someone else", shown(.0))]
    OtherOwner(PathBuf),
    /// Other users can read the file.
    #[error("other users can read `{}` (mode {mode:o})", shown(path))]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

impl Unusable {
    /// A step that makes the file usable, if one does.
    pub(super) fn remedy(&self) -> Option<String> {
        match self {
            Self::Io { .. } => None,
            Self::Key(path) | Self::NotAFile(path) | Self::OtherOwner(path) => {
                Some(format!("remove `{}`; the next run creates it", path.display()))
            }
            Self::Readable { path, .. } => {
                Some(format!("`chmod go= {}` takes the right from them", path.display()))
            }
        }
    }
}
