//! The app through Terraform has the same objects as through Flux and Argo CD.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use chart_tests::{Chart, Helm, Render, chart, objects};
use serde_json::Value;

use crate::{ENVIRONMENTS, argocd, items, template, text};

#[test]
fn terraform_and_argo_cd_render_the_same_objects() {
    let Some(settings) = env::var_os("MTK_TERRAFORM_SETTINGS") else {
        // `cargo xtask test` reports that Terraform is missing.
        return;
    };
    let applications = argocd::applications(&template());
    for environment in ENVIRONMENTS {
        let directory = tempfile::tempdir().unwrap();
        let files = [
            "base/values",
            &format!("envs/{environment}/release"),
            &format!("envs/{environment}/values"),
        ]
        .map(|path| format!("file(\"{}/apps/web/{path}.yaml\")", template().display()));
        let configuration = format!(
            "provider \"helm\" {{}}\n\
             provider \"kubernetes\" {{}}\n\
             module \"web\" {{\n\
               source    = \"{}\"\n\
               name      = \"web\"\n\
               namespace = \"demo\"\n\
               secret    = {{ existing = \"web\" }}\n\
               values    = [{}]\n\
             }}\n",
            chart::root().join("deploy/terraform/modules/app").display(),
            files.join(", "),
        );
        fs::write(directory.path().join("main.tf"), configuration).unwrap();
        let release = planned(directory.path(), &settings);
        let mut render =
            Render::chart(&Chart::named("app")).release(text(&release["name"])).namespace("demo");
        for values in items(&release["values"]) {
            render = render.values(objects::parse(text(values)).unwrap().remove(0));
        }
        let mut from_terraform = Helm::four().unwrap().template(&render).unwrap();
        let (application, _) = applications
            .iter()
            .find(|(_, directory)| directory.ends_with(&format!("/{environment}")))
            .unwrap();
        let mut from_argo = argocd::render(application, &template());
        from_terraform.sort_by_key(objects::name);
        from_argo.sort_by_key(objects::name);
        assert_eq!(from_terraform, from_argo, "{environment}");
    }
}

/// The planned release of the module.
fn planned(directory: &Path, settings: &OsString) -> Value {
    let terraform = |arguments: &[&str]| {
        let output = Command::new("terraform")
            .args(arguments)
            .current_dir(directory)
            .env("TF_CLI_CONFIG_FILE", settings)
            .env("CHECKPOINT_DISABLE", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "terraform {arguments:?}: {said}");
        output.stdout
    };
    terraform(&["init", "-input=false", "-no-color"]);
    terraform(&["plan", "-input=false", "-no-color", "-out=plan"]);
    let plan: Value = serde_json::from_slice(&terraform(&["show", "-json", "plan"])).unwrap();
    let resources = &plan["planned_values"]["root_module"]["child_modules"][0]["resources"];
    let release = items(resources).iter().find(|resource| resource["type"] == "helm_release");
    release.unwrap()["values"].clone()
}
