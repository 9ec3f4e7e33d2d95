//! Terraform with stubs of the providers.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use e2e::cache;
use e2e::controlplane::Module;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tokio::process::Command;

use crate::command::{self, program};
use crate::paths;
use crate::runner::Output;

/// Where Terraform and OpenTofu look for a provider without a host in its address. The filesystem mirror
/// has a directory for each.
const HOSTS: [&str; 2] = ["registry.terraform.io", "registry.opentofu.org"];

/// A program that runs configurations: Terraform or OpenTofu.
#[derive(Clone, Debug)]
pub(crate) struct Terraform {
    program: PathBuf,
    settings: PathBuf,
}

/// A filesystem mirror whose providers are stubs.
#[derive(Clone, Debug)]
pub(crate) struct Mirror {
    settings: PathBuf,
}

/// The version that `terraform version` prints.
#[derive(Debug, Deserialize)]
pub(crate) struct Version {
    #[serde(rename = "terraform_version")]
    pub(crate) number: String,
    platform: String,
}

/// The installed Terraform; none if it is missing.
pub(crate) async fn terraform() -> anyhow::Result<Option<Version>> {
    let mut terraform = program("terraform");
    terraform.args(["version", "-json"]).env("CHECKPOINT_DISABLE", "1");
    if !is_on_path("terraform") {
        return Ok(None);
    }
    let version = command::output(&mut terraform).await?;
    serde_json::from_str(&version).context("the version of Terraform").map(Some)
}

/// `OpenTofu`, which takes minutes to build; none if it is not built yet and `build` is false.
pub(crate) async fn opentofu(build: bool, output: Output) -> anyhow::Result<Option<PathBuf>> {
    const NAME: &str = "tofu";
    let module = Module {
        source: paths::root().join("deploy/terraform/testing/opentofu"),
        cache: "opentofu",
        what: "OpenTofu".to_owned(),
        duration: "8 minutes",
        packages: &["github.com/opentofu/opentofu/cmd/tofu"],
        name: Some(NAME),
        linker_flags: "-s -w".to_owned(),
    };
    tokio::task::spawn_blocking(move || {
        if build || module.is_built()? {
            return Ok(Some(module.built(|line| output.indented(line))?.join(NAME)));
        }
        Ok(None)
    })
    .await?
}

fn is_on_path(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(name).is_file())
}

/// The header of a schema file.
#[derive(Debug, Deserialize)]
struct Provider {
    source: String,
    version: String,
}

impl Mirror {
    /// Builds the stub, and arranges it as the providers of these schemas. The result is cached.
    pub(crate) async fn new(
        schemas: &Path,
        version: &Version,
        output: Output,
    ) -> anyhow::Result<Mirror> {
        let stub = tokio::task::spawn_blocking(move || stub(output)).await??;
        let mut digest = Sha256::new_with_prefix(stub.as_os_str().as_encoded_bytes());
        let mut texts = Vec::new();
        for path in schema_files(schemas)? {
            let text = fs::read_to_string(&path)?;
            digest.update(&text);
            texts.push(text);
        }
        let digest = digest.finalize();
        let key =
            digest.iter().take(10).fold(String::new(), |key, byte| format!("{key}{byte:02x}"));
        let home = cache::directory()?.join("terraform-mirror").join(key);
        let mirror = Mirror { settings: home.join("settings") };
        if !mirror.settings.is_file() {
            for text in &texts {
                arrange(&home, &stub, text, &version.platform)?;
            }
            // Last, so that its presence shows that the mirror is complete.
            fs::write(&mirror.settings, settings(&home))?;
        }
        Ok(mirror)
    }

    /// The settings of Terraform for this mirror, which tests name in `TF_CLI_CONFIG_FILE`.
    pub(crate) fn settings(&self) -> &Path {
        &self.settings
    }

    /// Terraform with the providers of this mirror.
    pub(crate) fn terraform(&self) -> Terraform {
        self.program(Path::new("terraform"))
    }

    /// Another program, such as OpenTofu, with the providers of this mirror.
    pub(crate) fn program(&self, program: &Path) -> Terraform {
        Terraform { program: program.to_owned(), settings: self.settings.clone() }
    }
}

impl Terraform {
    /// Runs in a directory, without the user's settings and without the network.
    pub(crate) fn command(&self, directory: &Path) -> Command {
        let mut terraform = program(&self.program);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if ["TF_", "AWS_", "KUBE", "HELM_"].iter().any(|prefix| text.starts_with(prefix)) {
                terraform.env_remove(&name);
            }
        }
        terraform
            .current_dir(directory)
            .env("TF_CLI_CONFIG_FILE", &self.settings)
            .env("CHECKPOINT_DISABLE", "1")
            .env("TF_IN_AUTOMATION", "1")
            // Terraform and its providers run for seconds: memory is cheaper than collecting garbage.
            .env("GOGC", "400")
            .env("TF_INPUT", "0");
        terraform
    }
}

/// The schema files in a directory, sorted.
pub(crate) fn schema_files(directory: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("reading {}", directory.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn stub(output: Output) -> anyhow::Result<PathBuf> {
    const NAME: &str = "terraform-provider-stub";
    let module = Module {
        source: paths::root().join("deploy/terraform/testing/stub"),
        cache: "terraform-stub",
        what: "a provider without an account".to_owned(),
        duration: "half a minute",
        packages: &["."],
        name: Some(NAME),
        linker_flags: "-s -w".to_owned(),
    };
    Ok(module.built(|line| output.indented(line))?.join(NAME))
}

fn arrange(home: &Path, stub: &Path, schema: &str, platform: &str) -> anyhow::Result<()> {
    let provider: Provider = serde_json::from_str(schema).context("a provider's schema")?;
    let name = provider.source.rsplit('/').next().unwrap_or_default();
    for host in HOSTS {
        let directory =
            home.join(host).join(&provider.source).join(&provider.version).join(platform);
        fs::create_dir_all(&directory)
            .with_context(|| format!("creating {}", directory.display()))?;
        let program = directory.join(format!("terraform-provider-{name}_v{}", provider.version));
        // A copy, because the stub reads the schema from the directory of its program.
        fs::copy(stub, &program).with_context(|| format!("creating {}", program.display()))?;
        fs::write(program.with_file_name(format!("{}.json", file_name(&program))), schema)?;
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn settings(home: &Path) -> String {
    let home = home.display();
    let patterns = HOSTS.map(|host| format!("\"{host}/*/*\"")).join(", ");
    format!(
        "disable_checkpoint = true\n\
         provider_installation {{\n  \
           filesystem_mirror {{\n    path    = \"{home}\"\n    include = [{patterns}]\n  }}\n\
         }}\n"
    )
}
