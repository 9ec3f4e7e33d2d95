//! Finds the configuration of the cluster as kubectl does.

use std::{env, fs, io, path::PathBuf};

use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};

use super::{error::ClusterError, overrides::Overrides};

/// How to find the cluster and its controller.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Access {
    /// `--kubeconfig`. None follows the rules of kubectl.
    pub(crate) kubeconfig: Option<PathBuf>,
    /// `--context`
    pub(crate) context: Option<String>,
    /// `--controller-namespace`
    pub(crate) namespace: Option<String>,
    /// `--controller-name`. `None` tries the default names.
    pub(crate) name: Option<String>,
    /// Flags that replace parts of the kubeconfig.
    pub(crate) overrides: Overrides,
}

/// Finds the configuration as kubectl does: the flags, `KUBECONFIG`, `~/.kube/config`, or inside a
/// Pod its ServiceAccount.
pub(crate) async fn configuration(access: &Access) -> Result<Config, ClusterError> {
    let kubeconfig = match read(access) {
        Ok(kubeconfig) => kubeconfig,
        Err(ClusterError::NoKubeconfig { path: None }) if access.overrides.server.is_some() => {
            Kubeconfig::default()
        }
        Err(error @ ClusterError::NoKubeconfig { path: None }) => {
            let mut config = Config::incluster().map_err(|_| error)?;
            access.overrides.apply_to_identity(&mut config.auth_info)?;
            return Ok(config);
        }
        Err(error) => return Err(error),
    };
    let kubeconfig = access.overrides.apply(kubeconfig, access.context.as_deref())?;
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(|error| unusable(&error))?;
    config.disable_compression |= access.overrides.disable_compression;
    Ok(config)
}

/// The namespace of the context, or else `default`, or inside a Pod its namespace. None without a
/// kubeconfig, or if it lacks the context.
pub(crate) fn default_namespace(access: &Access) -> Option<String> {
    let kubeconfig = match read(access) {
        Ok(kubeconfig) => kubeconfig,
        Err(ClusterError::NoKubeconfig { path: None }) => return namespace_of_pod(),
        Err(_) => return None,
    };
    let named = match access.context.as_ref().or(kubeconfig.current_context.as_ref()) {
        Some(name) => {
            let found = kubeconfig.contexts.iter().find(|context| context.name == *name)?;
            found.context.as_ref().and_then(|context| context.namespace.clone())
        }
        None => None,
    };
    let named = named.filter(|namespace| !namespace.is_empty());
    Some(named.or_else(namespace_of_pod).unwrap_or_else(|| "default".to_owned()))
}

/// The namespace of the Pod, as client-go finds it. None outside a Pod.
fn namespace_of_pod() -> Option<String> {
    const FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
    env::var_os("KUBERNETES_SERVICE_HOST")?;
    let file = fs::read_to_string(FILE).ok()?;
    let variable = env::var("POD_NAMESPACE").ok().filter(|namespace| !namespace.is_empty());
    variable.or_else(|| Some(file.trim().to_owned())).filter(|namespace| !namespace.is_empty())
}

/// Reads the file of the flag, or those of `KUBECONFIG`, or `~/.kube/config`.
fn read(access: &Access) -> Result<Kubeconfig, ClusterError> {
    let variable = env::var_os("KUBECONFIG").unwrap_or_default();
    let paths = env::split_paths(&variable).filter(|path| !path.as_os_str().is_empty());
    // As in kubectl, files of the list may be missing.
    let (found, missing): (Vec<_>, Vec<_>) = paths.partition(|path| path.exists());
    let kubeconfig = match &access.kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None if found.is_empty() && !missing.is_empty() => {
            return Err(ClusterError::NoKubeconfig { path: None });
        }
        None if found.is_empty() => Kubeconfig::read(),
        None => found.iter().try_fold(Kubeconfig::default(), |merged, path| {
            merged.merge(Kubeconfig::read_from(path)?)
        }),
    };
    kubeconfig.map_err(|error| {
        let is_missing = match &error {
            KubeconfigError::FindPath => true,
            KubeconfigError::ReadConfig(error, _) => error.kind() == io::ErrorKind::NotFound,
            _ => false,
        };
        if is_missing {
            ClusterError::NoKubeconfig { path: access.kubeconfig.clone() }
        } else {
            unusable(&error)
        }
    })
}

/// The error without quotes from the file, because the file contains tokens.
fn unusable(error: &KubeconfigError) -> ClusterError {
    ClusterError::Kubeconfig {
        cause: match error {
            KubeconfigError::Parse(_) => "not a valid kubeconfig".to_owned(),
            other => other.to_string(),
        },
    }
}
