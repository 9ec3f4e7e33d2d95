//! The programs in the images run without any other file.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use crate::archive::Archive;
use crate::{shipped, text, vector};

/// The header of a program.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Elf {
    /// The processor, by its number.
    pub(crate) machine: u16,
    /// Whether it needs a loader.
    pub(crate) has_interpreter: bool,
}

impl Elf {
    pub(crate) const AARCH64: u16 = 183;

    /// The header of a 64-bit little-endian program.
    pub(crate) fn read(bytes: &[u8]) -> Elf {
        const INTERPRETER: u32 = 3;
        assert!(bytes.starts_with(b"\x7fELF\x02\x01"), "a 64-bit little-endian program");
        let half = |at: usize| u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap());
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
        let table = u64::from_le_bytes(bytes[32..40].try_into().unwrap());
        let (table, size) = (usize::try_from(table).unwrap(), usize::from(half(54)));
        let mut segments = (0..usize::from(half(56))).map(|index| word(table + index * size));
        Elf { machine: half(18), has_interpreter: segments.any(|kind| kind == INTERPRETER) }
    }
}

#[test]
fn this_test_program_has_an_interpreter_which_the_reader_sees() {
    let elf = Elf::read(&fs::read(std::env::current_exe().unwrap()).unwrap());
    assert!(elf.has_interpreter);
}

#[test]
fn they_run_where_nothing_else_is() {
    for image in shipped() {
        let root = tempfile::tempdir().unwrap();
        image.unpack(root.path());
        let said = text(inside(root.path(), image).arg("--version"));
        assert_eq!(said, format!("{} {}\n", image.program(), env!("CARGO_PKG_VERSION")));
        let help = text(inside(root.path(), image).arg("--help"));
        assert!(help.contains("--log-format") || help.contains("--cert"), "{help}");
    }
}

#[test]
fn sealed_value_opens_with_the_images_own_keys() {
    let image = shipped().iter().find(|image| image.program() == "mtk-seal").unwrap();
    let root = tempfile::tempdir().unwrap();
    image.unpack(root.path());
    let seen = if is_root() { Path::new("/") } else { root.path() };
    round_trip(root.path(), seen, || inside(root.path(), image));
}

/// Seals and opens again. The program sees the directory `files` as `seen`.
pub(crate) fn round_trip(files: &Path, seen: &Path, run: impl Fn() -> Command) {
    for extension in ["crt", "key"] {
        let name = format!("rsa2048.{extension}");
        fs::copy(vector(&format!("keys/{name}")), files.join(&name)).unwrap();
    }
    let value = "s3cr=t ü";
    fs::write(files.join("plain.env"), format!("PASSWORD='{value}'\n")).unwrap();
    let mut seal = run();
    seal.arg("--cert").arg(seen.join("rsa2048.crt"));
    seal.args(["--name=app", "--namespace=demo", "--output=json"]).arg(seen.join("plain.env"));
    let sealed = text(&mut seal);
    assert!(sealed.contains("\"PASSWORD\"") && !sealed.contains("s3cr"), "{sealed}");
    fs::write(files.join("sealed.json"), &sealed).unwrap();
    let mut unseal = run();
    unseal.arg("unseal").arg("--key").arg(seen.join("rsa2048.key"));
    let opened = text(unseal.arg("--output=json").arg(seen.join("sealed.json")));
    let opened: Value = serde_json::from_str(&opened).unwrap();
    let data = opened["data"]["PASSWORD"].as_str().unwrap();
    assert_eq!(BASE64_STANDARD.decode(data).unwrap(), value.as_bytes());
}

/// Runs the image's program. If the user is root, the program sees only the files of the image, and
/// runs as its user.
fn inside(root: &Path, image: &Archive) -> Command {
    let program = format!("usr/local/bin/{}", image.program());
    let mut command = if is_root() {
        // The directory is private to its owner, and the image has no such user.
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
        let mut chroot = Command::new("chroot");
        chroot.arg("--userspec=65532:65532").arg(root).arg(format!("/{program}"));
        chroot
    } else {
        Command::new(root.join(program))
    };
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
    command
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
