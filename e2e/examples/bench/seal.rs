//! `cargo xtask bench seal`: measures the time that `mtk-seal` takes, and `kubeseal` if it is on
//! PATH.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clap::Args;
use e2e::programs;
use jiff::{SignedDuration, Timestamp};
use sealing::{KeyOptions, SealingKey};

use super::print;

/// Options of the benchmark.
#[derive(Args, Debug)]
pub(super) struct Options {
    /// Number of turns; the best of each program counts
    #[arg(long, value_name = "N", default_value_t = 20)]
    turns: usize,
}

/// Seals the same manifests with both programs, in turns.
pub(super) fn run(options: &Options) -> anyhow::Result<()> {
    let directory = tempfile::tempdir()?;
    let certificate = directory.path().join("cert.pem");
    fs::write(&certificate, certificate_pem()?)?;
    let ours = programs::seal()?;
    let theirs = on_path("kubeseal");
    for values in [1, 100] {
        let manifest = directory.path().join(format!("{values}.yaml"));
        fs::write(&manifest, secret(values))?;
        let (mut best, mut peer) = (Duration::MAX, Duration::MAX);
        for _ in 0..options.turns {
            best = best.min(time(&ours, &["--cert"], &certificate, &manifest)?);
            if let Some(theirs) = &theirs {
                let flags = ["--format", "yaml", "--cert"];
                peer = peer.min(time(theirs, &flags, &certificate, &manifest)?);
            }
        }
        let what = format!("mtk-seal seals {values} values in {best:.1?}");
        match &theirs {
            None => print(format_args!("{what}; kubeseal is not on PATH")),
            Some(_) => print(format_args!(
                "{what}, kubeseal in {peer:.1?}: {:.1} times as fast",
                peer.as_secs_f64() / best.as_secs_f64()
            )),
        }
    }
    Ok(())
}

fn certificate_pem() -> anyhow::Result<String> {
    let key = SealingKey::generate(&KeyOptions {
        bits: 4096,
        common_name: String::new(),
        not_before: Timestamp::now(),
        lifetime: SignedDuration::from_hours(24),
    })?;
    Ok(key.certificate().context("a certificate")?.to_pem())
}

fn secret(values: usize) -> String {
    let mut manifest =
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: bench\n  namespace: bench\n\
                        stringData:\n"
            .to_owned();
    for number in 0..values {
        let _ = writeln!(manifest, "  KEY_{number}: value {number} of a usual length, not more");
    }
    manifest
}

fn time(
    program: &Path,
    flags: &[&str],
    certificate: &Path,
    manifest: &Path,
) -> anyhow::Result<Duration> {
    let mut command = Command::new(program);
    command.args(flags).arg(certificate).stdin(File::open(manifest)?);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status().with_context(|| format!("running {}", program.display()))?;
    let elapsed = started.elapsed();
    ensure!(status.success(), "{}: {status}", program.display());
    Ok(elapsed)
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}
