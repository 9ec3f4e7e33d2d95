//! Flags about the metrics endpoint.

use std::path::PathBuf;

use clap::{ArgAction, Args};

use crate::http::{Certificate, Protection};

// A doc comment would replace the description of the command.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "they are the names of the flags")]
pub(crate) struct MetricsFlags {
    /// Serve the metrics by TLS; without --metrics-cert-dir, with a certificate that signs itself
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    metrics_secure: bool,

    /// With --metrics-secure: only answer clients whose bearer token may `get` the path /metrics
    #[arg(long, value_name = "BOOL", default_value_t = false, action = ArgAction::Set,
          num_args = 0..=1, default_missing_value = "true", require_equals = true)]
    metrics_auth: bool,

    /// With --metrics-secure: directory with the certificate and its key, which may be renewed
    #[arg(long, value_name = "DIRECTORY")]
    metrics_cert_dir: Option<PathBuf>,

    /// With --metrics-cert-dir: name of the file with the certificate
    #[arg(long, value_name = "NAME", default_value = "tls.crt")]
    metrics_cert_name: PathBuf,

    /// With --metrics-cert-dir: name of the file with the private key
    #[arg(long, value_name = "NAME", default_value = "tls.key")]
    metrics_key_name: PathBuf,
}

impl MetricsFlags {
    /// How the endpoint is protected.
    ///
    /// # Errors
    /// When a flag needs TLS, and TLS is off.
    pub(crate) fn protection(&self) -> anyhow::Result<Protection> {
        if !self.metrics_secure {
            anyhow::ensure!(
                !self.metrics_auth,
                "--metrics-auth needs --metrics-secure: without TLS, others could read the tokens"
            );
            anyhow::ensure!(
                self.metrics_cert_dir.is_none(),
                "--metrics-cert-dir needs --metrics-secure"
            );
            return Ok(Protection::None);
        }
        let certificate = match &self.metrics_cert_dir {
            None => Certificate::SelfSigned,
            Some(directory) => Certificate::Files {
                chain: directory.join(&self.metrics_cert_name),
                key: directory.join(&self.metrics_key_name),
            },
        };
        Ok(Protection::Tls { certificate, authorizes: self.metrics_auth })
    }
}
