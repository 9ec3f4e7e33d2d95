//! Tools that are not part of a toolchain. They are built or installed once and kept in the cache.

mod cargo_deny;
mod go;
mod install;
mod python;
mod terraform;

pub(crate) use self::cargo_deny::{cargo_deny, cargo_deny_is_built};
pub(crate) use self::go::{
    health, helm4, helm4_if, helms, kubeconform, kustomize_controller, tflint,
};
pub(crate) use self::install::version;
pub(crate) use self::python::{app_python, checkov, moto, python, typos};
pub(crate) use self::terraform::{Mirror, Terraform, Version, opentofu, schema_files, terraform};
