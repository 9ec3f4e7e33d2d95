//! `/v1/verify`: whether all items of a SealedSecret open here. It renders no template, so that its
//! answer reveals nothing about a value (bitnami/sealed-secrets#2019).

use axum::http::StatusCode;

use super::{
    manifest::{Documents, Manifest},
    opening::{OpenError, Opening},
    work::Answer,
};

pub(super) fn verify(body: &[u8], opening: &Opening) -> Answer {
    let Some(manifest) = Manifest::parse(body, Documents::One) else {
        return Answer::empty(StatusCode::INTERNAL_SERVER_ERROR);
    };
    match opening.open_all(&manifest.object, |_, _, _| Ok(())) {
        Ok(()) => Answer::empty(StatusCode::OK),
        Err(OpenError::Unopened) => Answer::empty(StatusCode::CONFLICT),
        Err(OpenError::Late) => Answer::late(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use sealing::Scope;
    use serde_json::json;

    use super::*;
    use crate::http::opening::tests::{object, opening};

    fn code(body: &str) -> u16 {
        let answer = verify(body.as_bytes(), &opening());
        assert!(answer.json.is_none());
        answer.code.as_u16()
    }

    #[test]
    fn codes_are_those_of_bitnamis_controller() {
        let good = object(Scope::Strict, Scope::Strict);
        assert_eq!(code(&good.to_string()), 200);
        assert_eq!(code(&object(Scope::Strict, Scope::ClusterWide).to_string()), 409);
        for body in ["", "{}", "text", "[]", r#"{"apiVersion":"v1","kind":"Secret"}"#] {
            assert_eq!(code(body), 500, "{body}");
        }
        let mut empty = good.clone();
        empty["spec"] = json!({ "encryptedData": {} });
        assert_eq!(code(&empty.to_string()), 200);
        let mut template = good;
        template["spec"]["template"] = json!({ "data": { "t": "{{ fail .A }}{{" } });
        assert_eq!(code(&template.to_string()), 200, "no template is rendered");
    }

    #[test]
    fn end_of_the_time_is_no_conflict() {
        let late = Opening { deadline: Instant::now(), ..opening() };
        let body = object(Scope::Strict, Scope::Strict).to_string();
        assert_eq!(verify(body.as_bytes(), &late).code, StatusCode::SERVICE_UNAVAILABLE);
    }
}
