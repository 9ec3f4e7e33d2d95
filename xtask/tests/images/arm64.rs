//! The programs for ARM, under emulation: those for a Raspberry Pi, but not optimised.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use e2e::cluster::{Cluster, NAMESPACE};
use e2e::controller::Controller;
use serde_json::{Value, json};

use crate::program::{Elf, round_trip};
use crate::{PROGRAMS, images, text, vector, xtask};

const EMULATOR: &str = "qemu-aarch64-static";

#[test]
fn they_are_static_programs_for_it() {
    for name in PROGRAMS {
        let elf = Elf::read(&fs::read(&programs()[name]).unwrap());
        assert_eq!(elf, Elf { machine: Elf::AARCH64, has_interpreter: false }, "{name}");
    }
}

#[test]
fn they_say_their_version() {
    for name in PROGRAMS {
        let said = text(emulated(name).arg("--version"));
        assert_eq!(said, format!("{name} {}\n", env!("CARGO_PKG_VERSION")));
    }
}

#[test]
fn sealed_value_opens_on_arm64() {
    let directory = tempfile::tempdir().unwrap();
    round_trip(directory.path(), directory.path(), || emulated("mtk-seal"));
}

#[test]
fn every_recorded_file_of_kubeseal_opens_there() {
    let directory = vector("files");
    let sealed: Vec<_> = fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| !path.to_str().unwrap().contains(".secret."))
        .collect();
    assert!(sealed.len() > 40, "{}", sealed.len());
    let mut unseal = emulated("mtk-seal");
    unseal.args(["unseal", "--output=json"]);
    for bits in [2048, 3072, 4096] {
        unseal.arg("--key").arg(vector(&format!("keys/rsa{bits}.key")));
    }
    // In one run: an emulated program starts slowly.
    let opened = text(unseal.args(&sealed));
    let opened: Vec<Value> =
        serde_json::Deserializer::from_str(&opened).into_iter().map(Result::unwrap).collect();
    assert_eq!(opened.len(), sealed.len());
    for (opened, path) in opened.iter().zip(&sealed) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let original = format!("files/{}.secret.yaml", name.split('.').next().unwrap());
        assert_eq!(opened["data"], recorded_data(&original), "{name}");
    }
}

#[test]
fn image_names_its_architecture() {
    let images = images(&["controller", "--arch=arm64", "--profile=quick"]);
    let [image] = &images[..] else { panic!("one image") };
    assert_eq!(image.config()["architecture"], "arm64");
    let directory = tempfile::tempdir().unwrap();
    image.unpack(directory.path());
    let program = directory.path().join("usr/local/bin/mtk-controller");
    assert_eq!(Elf::read(&fs::read(program).unwrap()).machine, Elf::AARCH64);
}

#[test]
fn controller_creates_secret_on_a_real_api_server() {
    let cluster = Cluster::start().unwrap();
    // The test provides a key, because an emulator is slowest at generating one.
    let key = |extension| fs::read_to_string(vector(&format!("keys/rsa2048.{extension}"))).unwrap();
    cluster.apply(&key_secret(&key("crt"), &key("key"))).unwrap();
    let namespace = json!({ "apiVersion": "v1", "kind": "Namespace",
        "metadata": { "name": "mytomorrows" } });
    cluster.apply(&namespace).unwrap();
    let sealed = fs::read_to_string(vector("files/f01.rsa2048.strict.json")).unwrap();
    cluster.apply(&serde_json::from_str(&sealed).unwrap()).unwrap();

    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("mtk-controller");
    let path = programs()["mtk-controller"].display();
    let script = if is_native() {
        format!("#!/bin/sh\nexec '{path}' \"$@\"\n")
    } else {
        format!("#!/bin/sh\nexec {EMULATOR} '{path}' \"$@\"\n")
    };
    e2e::programs::script(&program, &script).unwrap();
    let identity = cluster.plane().directory().join("mtk-controller.kubeconfig");
    let log = directory.path().join("log");
    let controller =
        Controller::spawn_program(&program, &identity, &log, "127.0.0.1:0", &[], &[]).unwrap();
    let found = secret(&cluster, &controller, "a");
    assert_eq!(found["data"], recorded_data("files/f01.secret.yaml"));
    let controller = controller.ready().unwrap();
    assert_eq!(controller.get("/v1/cert.pem").unwrap(), key("crt"));
}

/// The programs, built without optimisation at the first call.
fn programs() -> &'static BTreeMap<String, PathBuf> {
    static PROGRAMS: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    PROGRAMS.get_or_init(|| {
        let lines = xtask(&["--binaries", "--arch=arm64", "--profile=quick"]);
        let program = |line: &str| {
            let (name, path) = line.split_once(" linux/arm64 ").unwrap();
            (name.to_owned(), path.into())
        };
        lines.lines().map(program).collect()
    })
}

fn emulated(name: &str) -> Command {
    let program: &Path = &programs()[name];
    let mut command = if is_native() { Command::new(program) } else { Command::new(EMULATOR) };
    if !is_native() {
        command.arg(program);
    }
    command.env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// The data of a recorded Secret, including its `stringData`.
fn recorded_data(path: &str) -> Value {
    let secret = fs::read_to_string(vector(path)).unwrap();
    let secret: Value = serde_saphyr::from_str(&secret).unwrap();
    let mut data = secret["data"].as_object().cloned().unwrap_or_default();
    for (key, text) in secret["stringData"].as_object().into_iter().flatten() {
        data.insert(key.clone(), BASE64_STANDARD.encode(text.as_str().unwrap()).into());
    }
    data.into()
}

/// Whether this machine runs them without an emulator.
fn is_native() -> bool {
    ARCH == "aarch64"
}

fn key_secret(certificate: &str, key: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {
            "name": "sealed-secrets-keyabcde", "namespace": NAMESPACE,
            "labels": { "sealedsecrets.bitnami.com/sealed-secrets-key": "active" },
        },
        "stringData": { "tls.crt": certificate, "tls.key": key },
    })
}

/// Waits for the Secret. An emulated program gets more time than others.
fn secret(cluster: &Cluster, controller: &Controller, name: &str) -> Value {
    let patience = Instant::now() + Duration::from_secs(300);
    loop {
        let mut get = cluster.plane().kubectl();
        get.args(["get", "secret", name, "--namespace=mytomorrows", "--output=json"]);
        let output = get.output().unwrap();
        if output.status.success() {
            return serde_json::from_slice(&output.stdout).unwrap();
        }
        assert!(Instant::now() < patience, "{}", controller.log().unwrap());
        thread::sleep(Duration::from_millis(100));
    }
}
