//! The flags that say how to reach the cluster.

use super::{flags::Flags, timeout};
use crate::cluster::{Access, Overrides};

/// How to reach the cluster and the controller.
pub(super) fn access(flags: &Flags) -> Access {
    let timeout = timeout::parse(flags.text("request-timeout")).unwrap_or_default();
    Access {
        kubeconfig: flags.some("kubeconfig").map(Into::into),
        context: flags.some("context"),
        namespace: flags.some("controller-namespace"),
        name: flags.some("controller-name"),
        overrides: Overrides {
            cluster: flags.some("cluster"),
            user: flags.some("user"),
            server: flags.some("server"),
            certificate_authority: flags.some("certificate-authority"),
            insecure_skip_tls_verify: flags.is_set("insecure-skip-tls-verify"),
            tls_server_name: flags.some("tls-server-name"),
            proxy_url: flags.some("proxy-url"),
            disable_compression: flags.is_set("disable-compression"),
            client_certificate: flags.some("client-certificate"),
            client_key: flags.some("client-key"),
            token: flags.some("token"),
            username: flags.some("username"),
            password: flags.some("password"),
            impersonate: flags.some("as"),
            impersonate_groups: flags.list("as-group").to_vec(),
            impersonate_uid: flags.some("as-uid"),
            request_timeout: timeout.filter(|timeout| !timeout.is_zero()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_connection_flag_reaches_the_request() {
        use crate::kubeseal::flag::{FLAGS, Group, ValueKind};

        let names = ["controller-name", "controller-namespace"];
        let is_connection = |group| group == Group::Connection;
        for flag in FLAGS.iter().filter(|f| is_connection(f.group) || names.contains(&f.name)) {
            let value = match flag.value {
                _ if flag.name == "request-timeout" => "7s",
                ValueKind::Bool => "true",
                _ => "value",
            };
            let words = [format!("--{}={value}", flag.name).into()];
            let flags = Flags::parse(&words, |_| None).ok().unwrap();
            assert_ne!(access(&flags), Access::default(), "--{}", flag.name);
        }
    }
}
