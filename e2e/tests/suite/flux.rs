//! Flux itself applies the template of the configuration repository.

use std::env;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use chart_tests::{chart, schemas};
use e2e::cluster::NAMESPACE;
use e2e::controlplane::Access;
use serde_json::{Value, json};

use crate::support::{Kind, condition, data, eventually, key_secret, private, sealed};

/// The namespace of the template.
const NS: &str = "demo";

/// The release of the app appears only after the controller has written the Secret.
#[tokio::test]
async fn flux_waits_for_the_secret_before_it_applies_the_app() {
    let Some(program) = env::var_os("MTK_KUSTOMIZE_CONTROLLER").map(PathBuf::from) else {
        // `cargo xtask test` reports that it is not built.
        return;
    };
    let private = private().await;
    let api = private.api().await;
    api.create(Kind::Secret, key_secret(NAMESPACE, "rsa2048")).await;
    api.namespace("flux-system").await;
    let cluster = Cluster(private.cluster().plane().access());
    let home = tempfile::tempdir().unwrap();
    cluster.apply_kinds(home.path());
    let archive = archive(home.path());
    let address = serve(fs::read(&archive).unwrap());
    let _flux = Flux::start(&program, cluster.0, home.path());

    let clusters = home.path().join("config/clusters/pi");
    cluster.apply(&clusters.join("source.yaml"));
    cluster.publish(address, &archive);
    for file in ["infrastructure.yaml", "apps.yaml"] {
        cluster.apply(&clusters.join(file));
    }
    eventually("Flux applies the SealedSecret", async || {
        api.get(Kind::SealedSecret, NS, "web").await
    })
    .await;
    eventually("Flux holds the app back", async || {
        let web = cluster.get("kustomization", "flux-system", "web")?;
        let message = condition(&web, "Ready")?["message"].as_str()?.to_owned();
        message.contains("dependency 'flux-system/web-secrets' is not ready").then_some(())
    })
    .await;
    assert_eq!(cluster.get("helmrelease", NS, "web"), None);

    let _controller = private.cluster().controller(&[]).unwrap();
    eventually("Flux applies the app", async || {
        let web = cluster.get("kustomization", "flux-system", "web")?;
        (condition(&web, "Ready")?["status"] == "True").then_some(())
    })
    .await;
    let secret = api.secret(NS, "web").await.unwrap();
    assert_eq!(data(&secret), ["SECRET_KEY=a"]);
    let source = cluster.get("ocirepository", NS, "web").unwrap();
    assert_eq!(source["spec"]["ref"]["tag"], "0.1.0", "the version in env.yaml");
    let release = cluster.get("helmrelease", NS, "web").unwrap();
    for values in release["spec"]["valuesFrom"].as_array().unwrap() {
        let name = values["name"].as_str().unwrap();
        assert!(api.get(Kind::ConfigMap, NS, name).await.is_some(), "{name}");
    }
}

/// The template with a value that this cluster can decrypt, as an archive.
fn archive(home: &Path) -> PathBuf {
    let config = home.join("config");
    let template = chart::root().join("deploy/gitops/config-repo");
    let copied = Command::new("cp").arg("-R").arg(template).arg(&config).status().unwrap();
    assert!(copied.success());
    let manifest = config.join("apps/web/envs/pi/manifests/sealed.yaml");
    fs::write(manifest, sealed(NS, "web", &[("SECRET_KEY", "a")]).to_string()).unwrap();
    let archive = home.join("config.tar.gz");
    let mut tar = Command::new("tar");
    tar.arg("-czf").arg(&archive).arg("-C").arg(&config).arg(".");
    assert!(tar.status().unwrap().success());
    archive
}

struct Cluster<'a>(&'a Access);

impl Cluster<'_> {
    /// The kinds of Flux that it watches. The last two have no object here.
    fn apply_kinds(&self, home: &Path) {
        let mut kinds = schemas::crds().unwrap();
        let is_flux = |crd: &Value| {
            let group = crd["spec"]["group"].as_str().unwrap();
            group.ends_with(".toolkit.fluxcd.io")
        };
        kinds.retain(is_flux);
        for (kind, plural) in [("Bucket", "buckets"), ("ExternalArtifact", "externalartifacts")] {
            let any = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
            let group = "source.toolkit.fluxcd.io";
            kinds.push(json!({
                "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
                "metadata": { "name": format!("{plural}.{group}") },
                "spec": { "group": group, "scope": "Namespaced",
                    "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase(),
                               "listKind": format!("{kind}List") },
                    "versions": [{ "name": "v1", "served": true, "storage": true,
                                   "schema": { "openAPIV3Schema": any } }] },
            }));
        }
        let path = home.join("kinds.json");
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": kinds });
        fs::write(&path, list.to_string()).unwrap();
        self.apply(&path);
        self.run(&["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
    }

    /// Plays Flux's source-controller: the repository is at this address.
    fn publish(&self, address: SocketAddr, archive: &Path) {
        let output = Command::new("sha256sum").arg(archive).output().unwrap();
        let digest = String::from_utf8(output.stdout).unwrap();
        let digest = digest.split(' ').next().unwrap();
        let time = "2026-01-01T00:00:00Z";
        let status = json!({ "status": {
            "observedGeneration": 1,
            "artifact": { "url": format!("http://{address}/config.tar.gz"), "path": "config.tar.gz",
                "revision": "main@sha1:0123456789012345678901234567890123456789",
                "digest": format!("sha256:{digest}"), "lastUpdateTime": time },
            "conditions": [{ "type": "Ready", "status": "True", "reason": "Succeeded",
                             "message": "stored", "lastTransitionTime": time }],
        } });
        let patch = status.to_string();
        self.run(&[
            "patch",
            "gitrepository",
            "config",
            "--namespace=flux-system",
            "--subresource=status",
            "--type=merge",
            "--patch",
            &patch,
        ]);
    }

    fn apply(&self, path: &Path) {
        self.run(&["apply", "--server-side", "-f", path.to_str().unwrap()]);
    }

    fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let output = self.run(&[
            "get",
            kind,
            name,
            "--namespace",
            namespace,
            "--ignore-not-found",
            "--output=json",
        ]);
        (!output.is_empty()).then(|| serde_json::from_slice(&output).unwrap())
    }

    fn run(&self, arguments: &[&str]) -> Vec<u8> {
        let output = self.0.kubectl().args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {}: {said}", arguments.join(" "));
        output.stdout
    }
}

/// Flux's kustomize-controller, until the value is dropped.
struct Flux(Child);

impl Flux {
    fn start(program: &Path, access: &Access, home: &Path) -> Flux {
        let log = fs::File::create(home.join("flux.log")).unwrap();
        let child = Command::new(program)
            .args(["--metrics-addr=127.0.0.1:0", "--health-addr=127.0.0.1:0"])
            .args(["--requeue-dependency=1s"])
            .env("KUBECONFIG", access.kubeconfig())
            .env("RUNTIME_NAMESPACE", "flux-system")
            .env("NO_PROXY", "*")
            .env("no_proxy", "*")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Flux(child.unwrap())
    }
}

impl Drop for Flux {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Answers every request with these bytes, until the process ends.
fn serve(content: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            drop(answer(&stream, &content));
        }
    });
    address
}

fn answer(mut stream: &TcpStream, content: &[u8]) -> std::io::Result<()> {
    for line in BufReader::new(stream).lines() {
        if line?.is_empty() {
            break;
        }
    }
    let length = content.len();
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")?;
    stream.write_all(content)
}
