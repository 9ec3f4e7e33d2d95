//! The controller in its image reaches AWS over TLS, with the certificate authorities in the image.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use e2e::cluster::Cluster;
use e2e::controller::Controller;
use e2e::tls::{AUTHORITY, TlsAws, VALUE, condition, synced};

use crate::program::is_root;
use crate::{shipped, text};

/// The files of the image. If the user is root, the program sees only these files, and runs as the
/// image's user.
struct Files {
    root: tempfile::TempDir,
    scripts: tempfile::TempDir,
}

impl Files {
    fn new() -> Files {
        let image = shipped().iter().find(|image| image.program() == "mtk-controller").unwrap();
        let (root, scripts) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        image.unpack(root.path());
        // The directory is private to its owner, and the image has no such user.
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Files { root, scripts }
    }

    /// Adds a file, and returns its path as the program sees it.
    fn add(&self, name: &str, content: &str) -> PathBuf {
        let path = self.root.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        if is_root() { Path::new("/").join(name) } else { path }
    }

    fn controller(
        &self,
        cluster: &Cluster,
        aws: &TlsAws,
        name: &str,
        flags: &[&str],
    ) -> Controller {
        let identity = cluster.plane().directory().join("mtk-controller.kubeconfig");
        let identity = self.add("kubeconfig", &fs::read_to_string(identity).unwrap());
        let (root, program) = (self.root.path().display(), "usr/local/bin/mtk-controller");
        let run = if is_root() {
            format!("chroot --userspec=65532:65532 '{root}' /{program}")
        } else {
            format!("'{root}/{program}'")
        };
        let script = format!("#!/bin/sh\nexec {run} \"$@\"\n");
        let [program, log] =
            ["sh", "log"].map(|end| self.scripts.path().join(format!("{name}.{end}")));
        e2e::programs::script(&program, &script).unwrap();
        let class = format!("--controller-class={name}");
        let flags = [flags, &[&class]].concat();
        let environment = aws.environment();
        let listen = "127.0.0.1:0";
        Controller::spawn_program(&program, &identity, &log, listen, &flags, &environment)
            .unwrap()
            .ready()
            .unwrap()
    }
}

#[test]
fn controller_in_its_image_trusts_the_built_in_authorities_and_those_of_a_bundle() {
    let (cluster, aws, files) = (Cluster::start().unwrap(), TlsAws::start().unwrap(), Files::new());
    let bundle = files.add("ca.crt", AUTHORITY);
    let bundle = format!("--ca-bundle={}", bundle.display());

    let known = files.controller(&cluster, &aws, "known", &[&bundle]);
    let object = synced(&cluster, &known, "known", "known").unwrap();
    assert_eq!(condition(&object, "Ready").unwrap()["status"], "True", "{object}");
    let mut kubectl = cluster.plane().kubectl();
    let value = "--output=go-template={{.data.PASSWORD|base64decode}}";
    kubectl.args(["get", "secret", "app", "--namespace=known", value]);
    assert_eq!(text(&mut kubectl), VALUE);

    let unknown = files.controller(&cluster, &aws, "unknown", &[]);
    let object = synced(&cluster, &unknown, "unknown", "unknown").unwrap();
    let explained = condition(&object, "Explained").unwrap();
    assert_eq!(explained["reason"], "UntrustedCertificate", "{object}");
    assert!(explained["message"].as_str().unwrap().contains("--ca-bundle"), "{object}");

    for (controller, bundled) in [(known, 1), (unknown, 0)] {
        let log = controller.log().unwrap();
        let line = log.lines().find(|line| line.contains("trusting certificate authorities"));
        let line = line.unwrap_or_else(|| panic!("{log}"));
        assert!(line.contains(&format!("bundled={bundled}")), "{line}");
        assert!(line.contains("store=\"built-in\""), "{line}");
        let roots = line.split("roots=").nth(1).unwrap().split(' ').next().unwrap();
        assert!(roots.parse::<u32>().unwrap() > 50, "{line}");
    }
}
