//! The flags of kubectl that replace parts of the kubeconfig: another server, another identity.

use std::{fmt, time::Duration};

use kube::config::{
    AuthInfo, Cluster, Context, Kubeconfig, NamedAuthInfo, NamedCluster, NamedContext,
};

use super::error::ClusterError;

/// The flags of kubectl that replace parts of the kubeconfig. `Debug` shows none of them.
#[derive(Clone, Default, Eq, PartialEq)]
pub(crate) struct Overrides {
    /// `--cluster`, an entry of the kubeconfig.
    pub(crate) cluster: Option<String>,
    /// `--user`, an entry of the kubeconfig.
    pub(crate) user: Option<String>,
    /// `--server`
    pub(crate) server: Option<String>,
    /// `--certificate-authority`
    pub(crate) certificate_authority: Option<String>,
    /// `--insecure-skip-tls-verify`
    pub(crate) insecure_skip_tls_verify: bool,
    /// `--tls-server-name`
    pub(crate) tls_server_name: Option<String>,
    /// `--proxy-url`
    pub(crate) proxy_url: Option<String>,
    /// `--disable-compression`
    pub(crate) disable_compression: bool,
    /// `--client-certificate`
    pub(crate) client_certificate: Option<String>,
    /// `--client-key`
    pub(crate) client_key: Option<String>,
    /// `--token`
    pub(crate) token: Option<String>,
    /// `--username`
    pub(crate) username: Option<String>,
    /// `--password`
    pub(crate) password: Option<String>,
    /// `--as`
    pub(crate) impersonate: Option<String>,
    /// `--as-group`
    pub(crate) impersonate_groups: Vec<String>,
    /// `--as-uid`
    pub(crate) impersonate_uid: Option<String>,
    /// `--request-timeout`. None is the default.
    pub(crate) request_timeout: Option<Duration>,
}

impl Overrides {
    /// The kubeconfig with the flags applied to the cluster and the user of its context.
    pub(super) fn apply(
        &self,
        mut kubeconfig: Kubeconfig,
        context: Option<&str>,
    ) -> Result<Kubeconfig, ClusterError> {
        let name = context.map(str::to_owned).or_else(|| kubeconfig.current_context.take());
        if *self == Self::default() {
            return match name {
                Some(name) if !kubeconfig.contexts.iter().any(|named| named.name == name) => {
                    Err(ClusterError::NoContext { name })
                }
                name => Ok(Kubeconfig { current_context: name, ..kubeconfig }),
            };
        }
        let mut context = match &name {
            Some(name) => {
                let found = kubeconfig.contexts.into_iter().find(|named| named.name == *name);
                found
                    .and_then(|named| named.context)
                    .ok_or_else(|| ClusterError::NoContext { name: name.clone() })?
            }
            None => Context::default(),
        };
        let cluster = self.cluster(kubeconfig.clusters, &context.cluster)?;
        let user = self.identity(kubeconfig.auth_infos, context.user.as_deref())?;
        // Any name does: the result has one entry of each.
        let name = name.unwrap_or_else(|| "flags".to_owned());
        context.cluster.clone_from(&name);
        context.user = Some(name.clone());
        Ok(Kubeconfig {
            clusters: vec![NamedCluster {
                name: name.clone(),
                cluster: Some(cluster),
                ..NamedCluster::default()
            }],
            auth_infos: vec![NamedAuthInfo {
                name: name.clone(),
                auth_info: Some(user),
                ..NamedAuthInfo::default()
            }],
            contexts: vec![NamedContext {
                name: name.clone(),
                context: Some(context),
                ..NamedContext::default()
            }],
            current_context: Some(name),
            ..Kubeconfig::default()
        })
    }

    fn cluster(
        &self,
        clusters: Vec<NamedCluster>,
        of_context: &str,
    ) -> Result<Cluster, ClusterError> {
        let wanted = self.cluster.as_deref().unwrap_or(of_context);
        let found = clusters.into_iter().find(|named| named.name == wanted);
        let mut cluster = match found.and_then(|named| named.cluster) {
            Some(cluster) => cluster,
            None if self.server.is_some() && self.cluster.is_none() => Cluster::default(),
            None => return Err(missing("the kubeconfig has no cluster", wanted)),
        };
        if self.insecure_skip_tls_verify && self.certificate_authority.is_some() {
            return Err(ClusterError::Kubeconfig {
                cause: "specifying a root certificates file with the insecure flag is not allowed"
                    .to_owned(),
            });
        }
        // As in client-go: one of the two flags replaces both settings of the file.
        if self.insecure_skip_tls_verify || self.certificate_authority.is_some() {
            cluster.certificate_authority.clone_from(&self.certificate_authority);
            cluster.certificate_authority_data = None;
            cluster.insecure_skip_tls_verify = Some(self.insecure_skip_tls_verify);
        }
        if let Some(server) = &self.server {
            let has_scheme = server.contains("://");
            cluster.server =
                Some(if has_scheme { server.clone() } else { format!("https://{server}") });
        }
        replace(&mut cluster.tls_server_name, self.tls_server_name.as_ref());
        replace(&mut cluster.proxy_url, self.proxy_url.as_ref());
        Ok(cluster)
    }

    fn identity(
        &self,
        users: Vec<NamedAuthInfo>,
        of_context: Option<&str>,
    ) -> Result<AuthInfo, ClusterError> {
        let wanted = self.user.as_deref().or(of_context);
        let found = users.into_iter().find(|named| Some(named.name.as_str()) == wanted);
        let mut user = match (found.and_then(|named| named.auth_info), &self.user) {
            (Some(user), _) => user,
            (None, Some(wanted)) => return Err(missing("the kubeconfig has no user", wanted)),
            (None, None) => AuthInfo::default(),
        };
        self.apply_to_identity(&mut user)?;
        Ok(user)
    }

    /// Replaces parts of the identity that a kubeconfig or a Pod gives.
    pub(super) fn apply_to_identity(&self, user: &mut AuthInfo) -> Result<(), ClusterError> {
        let has_password = self.username.is_some() || self.password.is_some();
        if self.token.is_some() && has_password {
            return Err(ClusterError::Kubeconfig {
                cause: "more than one authentication method found; found [token basicAuth], only one is allowed"
                    .to_owned(),
            });
        }
        if self.token.is_some() || has_password {
            user.token = self.token.as_deref().map(Into::into);
            user.username.clone_from(&self.username);
            user.password = self.password.as_deref().map(Into::into);
            (user.token_file, user.exec, user.auth_provider) = (None, None, None);
        }
        if let Some(path) = &self.client_certificate {
            (user.client_certificate, user.client_certificate_data) = (Some(path.clone()), None);
        }
        if let Some(path) = &self.client_key {
            (user.client_key, user.client_key_data) = (Some(path.clone()), None);
        }
        replace(&mut user.impersonate, self.impersonate.as_ref());
        replace(&mut user.impersonate_uid, self.impersonate_uid.as_ref());
        if !self.impersonate_groups.is_empty() {
            user.impersonate_groups = Some(self.impersonate_groups.clone());
        }
        if user.impersonate.is_none()
            && (user.impersonate_uid.is_some() || user.impersonate_groups.is_some())
        {
            return Err(ClusterError::Kubeconfig {
                cause: "requesting uid, groups or user-extra without impersonating a user"
                    .to_owned(),
            });
        }
        Ok(())
    }
}

impl fmt::Debug for Overrides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Overrides").finish_non_exhaustive()
    }
}

fn replace(value: &mut Option<String>, flag: Option<&String>) {
    if let Some(flag) = flag {
        *value = Some(flag.clone());
    }
}

fn missing(problem: &str, name: &str) -> ClusterError {
    ClusterError::Kubeconfig { cause: format!("{problem}: {name}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KUBECONFIG: &str = "\
current-context: one
clusters:
- {name: c1, cluster: {server: 'https://one', certificate-authority-data: eA==}}
- {name: c2, cluster: {server: 'https://two'}}
users:
- {name: u1, user: {exec: {command: login}}}
- {name: u2, user: {token: file}}
contexts:
- {name: one, context: {cluster: c1, user: u1, namespace: web}}
- {name: two, context: {cluster: c2, user: u2}}
";

    fn apply(
        overrides: &Overrides,
        context: Option<&str>,
    ) -> Result<(Cluster, AuthInfo), ClusterError> {
        let kubeconfig = Kubeconfig::from_yaml(KUBECONFIG).unwrap();
        let mut applied = overrides.apply(kubeconfig, context)?;
        let cluster = applied.clusters.remove(0).cluster.unwrap();
        Ok((cluster, applied.auth_infos.remove(0).auth_info.unwrap()))
    }

    fn problem(overrides: &Overrides) -> String {
        apply(overrides, None).unwrap_err().to_string()
    }

    #[test]
    fn flags_choose_and_replace_the_cluster() {
        let overrides = Overrides {
            cluster: Some("c2".into()),
            tls_server_name: Some("name".into()),
            proxy_url: Some("http://proxy".into()),
            ..Overrides::default()
        };
        let (cluster, user) = apply(&overrides, None).unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://two"));
        assert_eq!(cluster.tls_server_name.as_deref(), Some("name"));
        assert_eq!(cluster.proxy_url.as_deref(), Some("http://proxy"));
        assert!(user.exec.is_some(), "the user of the context");

        let overrides = Overrides { server: Some("host:6443".into()), ..Overrides::default() };
        let (cluster, _) = apply(&overrides, Some("two")).unwrap();
        assert_eq!(cluster.server.as_deref(), Some("https://host:6443"));
    }

    #[test]
    fn certificate_authority_and_insecure_flag_replace_those_of_the_file_but_exclude_each_other() {
        let mut overrides = Overrides { insecure_skip_tls_verify: true, ..Overrides::default() };
        let (cluster, _) = apply(&overrides, None).unwrap();
        assert_eq!(cluster.insecure_skip_tls_verify, Some(true));
        assert_eq!(cluster.certificate_authority_data, None);
        overrides.certificate_authority = Some("ca.crt".into());
        assert!(problem(&overrides).contains("with the insecure flag is not allowed"));
        overrides.insecure_skip_tls_verify = false;
        let (cluster, _) = apply(&overrides, None).unwrap();
        assert_eq!(cluster.certificate_authority.as_deref(), Some("ca.crt"));
        assert_eq!(cluster.insecure_skip_tls_verify, Some(false));
    }

    #[test]
    fn token_and_password_replace_the_login_of_the_user_but_exclude_each_other() {
        let mut overrides = Overrides { token: Some("hunter2".into()), ..Overrides::default() };
        let (_, user) = apply(&overrides, None).unwrap();
        assert!(user.token.is_some() && user.exec.is_none());
        assert!(!format!("{overrides:?}").contains("hunter2"));
        overrides.username = Some("u".into());
        assert!(problem(&overrides).contains("more than one authentication method"));
        overrides.token = None;
        overrides.password = Some("p".into());
        let (_, user) = apply(&overrides, Some("two")).unwrap();
        assert_eq!(user.username.as_deref(), Some("u"));
        assert!(user.token.is_none() && user.password.is_some());
    }

    #[test]
    fn client_certificate_and_key_replace_those_of_the_user() {
        let overrides = Overrides {
            user: Some("u2".into()),
            client_certificate: Some("tls.crt".into()),
            client_key: Some("tls.key".into()),
            ..Overrides::default()
        };
        let (_, user) = apply(&overrides, None).unwrap();
        assert_eq!(user.client_certificate.as_deref(), Some("tls.crt"));
        assert_eq!(user.client_key.as_deref(), Some("tls.key"));
        assert!(user.token.is_some(), "the token of the other user");
    }

    #[test]
    fn impersonated_group_or_uid_needs_an_impersonated_user() {
        let mut overrides = Overrides {
            impersonate_groups: vec!["g".to_owned()],
            impersonate_uid: Some("1".into()),
            ..Overrides::default()
        };
        assert!(problem(&overrides).contains("without impersonating a user"));
        overrides.impersonate = Some("alice".into());
        let (_, user) = apply(&overrides, None).unwrap();
        assert_eq!(user.impersonate.as_deref(), Some("alice"));
        assert_eq!(user.impersonate_uid.as_deref(), Some("1"));
        assert_eq!(user.impersonate_groups.unwrap(), ["g"]);
    }

    #[test]
    fn unknown_context_cluster_and_user_are_errors() {
        let wrong = Overrides { cluster: Some("x".into()), ..Overrides::default() };
        assert!(problem(&wrong).contains("no cluster: x"));
        let wrong = Overrides { user: Some("x".into()), ..Overrides::default() };
        assert!(problem(&wrong).contains("no user: x"));
        let server = Overrides { server: Some("https://three".into()), ..Overrides::default() };
        assert!(apply(&server, Some("three")).unwrap_err().to_string().contains("three"));
    }
}
