//! Debian's Rust compiler, which has standard libraries for more processors than this machine's.
//!
//! Debian keeps a new compiler for its browsers (`rustc-web`) among the security updates. Its
//! packages conflict with other Rust packages, and cannot be installed for two architectures at
//! once. So they are unpacked into the cache, and the machine does not change.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use e2e::{cache, programs};
use tokio::process::Command;

use super::arch::Arch;
use super::packages;
use crate::command;
use crate::runner::Output;

/// The packages, some by a prefix of the name, because their names contain versions.
const COMPILER: &str = "rustc-web";
const LIBRARY: &str = "libstd-rust-web-dev";
const SHARED: [&str; 2] = ["libstd-rust-web-", "libllvm"];
/// A library that LLVM is linked to. It is small and conflicts with nothing, so it is installed.
const LINKED: [&str; 3] = ["libedit2", "libxml2", "libz3-4"];
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The compiler with the library for that processor; unpacked at the first call.
pub(super) async fn rustc(arch: Arch, output: Output) -> anyhow::Result<PathBuf> {
    packages::debian(output, &LINKED).await.with_context(|| {
        let target = arch.target();
        format!("there is no Rust for {target}\nhint: rustup target add {target}")
    })?;
    let security = security_archive().await?;
    let home = cache::directory()?.join(format!("{COMPILER}-{}-{}", security.release, arch.name()));
    let (rustc, complete) = (home.join("rustc"), home.join("complete"));
    if !complete.is_file() {
        output.indented("unpacking Debian's Rust compiler into the cache, once (130 MB)");
        if home.exists() {
            fs::remove_dir_all(&home).with_context(|| format!("removing {}", home.display()))?;
        }
        unpack(&home, &security, arch).await?;
        let libraries = home.join("root").join(Arch::host().libraries());
        wrap(&rustc, &home.join("root/usr/bin/rustc"), &libraries)?;
        command::output(command::program(&rustc).arg("-vV")).await?;
        fs::write(&complete, "")?;
    }
    Ok(rustc)
}

/// The archive of this machine's security updates.
#[derive(Debug, PartialEq)]
struct Archive {
    address: String,
    release: String,
}

async fn security_archive() -> anyhow::Result<Archive> {
    let mut targets = command::program("apt-get");
    targets.args(["indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)"]);
    targets.args(["Created-By: Packages", "Origin: Debian"]);
    let said = command::output(&mut targets).await?;
    security_among(&said).context("apt knows no archive of Debian's security updates")
}

fn security_among(targets: &str) -> Option<Archive> {
    targets.lines().find_map(|line| {
        let mut words = line.split(' ');
        let (address, release) = (words.next()?, words.next()?);
        let wanted = release.ends_with("-security") && words.next() == Some("main");
        wanted.then(|| Archive { address: address.to_owned(), release: release.to_owned() })
    })
}

async fn unpack(home: &Path, security: &Archive, arch: Arch) -> anyhow::Result<()> {
    let apt = Apt::new(home, security, arch)?;
    command::output(apt.run("apt-get").arg("update")).await?;
    let needs = ["no-recommends", "no-suggests", "no-conflicts", "no-breaks", "no-replaces"];
    let mut depends = apt.run("apt-cache");
    depends.args(["depends", "--recurse", "--no-enhances", COMPILER]);
    depends.args(needs.map(|need| format!("--{need}")));
    let mut wanted = among_dependencies(&command::output(&mut depends).await?);
    ensure!(wanted.len() > 2, "{} has no {COMPILER}", security.release);
    wanted.push(format!("{LIBRARY}:{}", arch.name()));
    let mut download = apt.run("apt-get");
    command::output(download.arg("download").args(&wanted).current_dir(&apt.home)).await?;
    let root = home.join("root");
    for package in fs::read_dir(&apt.home)? {
        let package = package?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            let mut dpkg = command::program("dpkg");
            command::output(dpkg.arg("-x").arg(&package).arg(&root)).await?;
        }
    }
    fs::remove_dir_all(&apt.home)?;
    Ok(())
}

/// The compiler's packages, without the C library and other packages that every Debian has.
fn among_dependencies(listed: &str) -> Vec<String> {
    listed
        .lines()
        .filter(|line| {
            *line == COMPILER || SHARED.iter().any(|beginning| line.starts_with(beginning))
        })
        .map(str::to_owned)
        .collect()
}

/// An apt with its own files, for two architectures and one archive.
#[derive(Debug)]
struct Apt {
    home: PathBuf,
    options: Vec<String>,
}

impl Apt {
    fn new(home: &Path, security: &Archive, arch: Arch) -> anyhow::Result<Apt> {
        let home = home.join("apt");
        fs::create_dir_all(home.join("lists/partial"))?;
        fs::create_dir_all(home.join("cache/archives/partial"))?;
        fs::write(home.join("status"), "")?;
        let (this, that) = (Arch::host().name(), arch.name());
        let Archive { address, release } = security;
        let source =
            format!("deb [arch={this},{that} signed-by={KEYRING}] {address} {release} main\n");
        fs::write(home.join("sources.list"), source)?;
        let at = |name: &str| home.join(name).display().to_string();
        let options = vec![
            format!("Dir::Etc::sourcelist={}", at("sources.list")),
            "Dir::Etc::sourceparts=-".to_owned(),
            format!("Dir::State::status={}", at("status")),
            format!("Dir::State::lists={}", at("lists")),
            format!("Dir::Cache={}", at("cache")),
            format!("APT::Architecture={this}"),
            format!("APT::Architectures::={this}"),
            format!("APT::Architectures::={that}"),
            // By default root downloads as a user who cannot write there.
            "APT::Sandbox::User=root".to_owned(),
        ];
        Ok(Apt { home, options })
    }

    fn run(&self, program: &str) -> Command {
        let mut command = command::program(program);
        command.args(self.options.iter().flat_map(|option| ["-o", option]));
        command
    }
}

/// A script, because the compiler's libraries are not in the system's search path.
fn wrap(script: &Path, program: &Path, libraries: &Path) -> anyhow::Result<()> {
    let (program, libraries) = (quoted(program)?, quoted(libraries)?);
    let text = format!(
        "#!/bin/sh\n\
         LD_LIBRARY_PATH={libraries}${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}} exec {program} \"$@\"\n"
    );
    programs::script(script, &text)
}

fn quoted(path: &Path) -> anyhow::Result<String> {
    let path = path.to_str().context("the cache's path is not UTF-8")?;
    Ok(format!("'{}'", path.replace('\'', r"'\''")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn security_updates_archive_is_found() {
        let targets = "http://a/debian/ bookworm main\n\
                       http://a/security/ bookworm-security contrib\n\
                       http://a/security/ bookworm-security main\n";
        let found = security_among(targets).unwrap();
        assert_eq!(found.address, "http://a/security/");
        assert_eq!(found.release, "bookworm-security");
        assert_eq!(security_among("http://a/debian/ bookworm main\n"), None);
    }

    #[test]
    fn only_the_compilers_own_packages_are_unpacked() {
        let listed = "rustc-web\n  Depends: libc6\nlibc6\nlibstd-rust-web-dev\nlibc6:arm64\n\
                      libstd-rust-web-1.96\nlibllvm22\nlibxml2\n";
        let wanted = ["rustc-web", "libstd-rust-web-dev", "libstd-rust-web-1.96", "libllvm22"];
        assert_eq!(among_dependencies(listed), wanted);
    }

    #[test]
    fn script_handles_any_path_and_keeps_every_argument() {
        let temporary = tempfile::tempdir().unwrap();
        let odd = temporary.path().join("it's here");
        fs::create_dir(&odd).unwrap();
        let (program, script) = (odd.join("program"), odd.join("script"));
        let text = "#!/bin/sh\nprintf '%s\\n' \"$LD_LIBRARY_PATH\" \"$@\"\n";
        programs::script(&program, text).unwrap();
        wrap(&script, &program, &odd).unwrap();
        let mut run = std::process::Command::new(&script);
        run.args(["a b", "c"]).env_remove("LD_LIBRARY_PATH");
        let said = String::from_utf8(run.output().unwrap().stdout).unwrap();
        assert_eq!(said, format!("{}\na b\nc\n", odd.display()));
    }
}
