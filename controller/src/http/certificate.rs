//! `/v1/cert.pem`: the certificate to seal with.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse as _, Response},
};
use sealing::Certificate;

use crate::keys::KeyStore;

/// The newest key's certificate as PEM, or the answer of Bitnami's controller without one.
pub(super) async fn get_certificate(State(keys): State<Arc<KeyStore>>) -> Response {
    match keys.ring().certificate().map(Certificate::to_pem) {
        Some(pem) => ([(CONTENT_TYPE, "application/x-pem-file")], pem).into_response(),
        None => (StatusCode::INTERNAL_SERVER_ERROR, "cannot get certificate\n").into_response(),
    }
}
