//! The names by which the controller knows its own Secrets.

/// On key Secrets: `active` means that the key is used, any other value that it is not.
pub(crate) const KEY_LABEL: &str = "sealedsecrets.bitnami.com/sealed-secrets-key";

/// The Secret that holds the key of all fingerprints.
pub(crate) const FINGERPRINT_KEY_SECRET: &str = "mtk-controller-fingerprint-key";
