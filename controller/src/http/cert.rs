//! `GET /v1/cert.pem`: the certificate to seal with.

use std::sync::Arc;

use axum::{
    extract::State,
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
};
use sealing::Certificate;

use crate::keys::KeyStore;

/// The newest key's certificate as PEM, or 503 before the first key exists.
pub(super) async fn get(State(keys): State<Arc<KeyStore>>) -> Response {
    match keys.ring().certificate().map(Certificate::to_pem) {
        Some(pem) => ([(CONTENT_TYPE, "application/x-pem-file")], pem).into_response(),
        None => (StatusCode::SERVICE_UNAVAILABLE, "no sealing key yet\n").into_response(),
    }
}
