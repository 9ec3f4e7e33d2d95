//! The objects that make Secrets and may name workloads to restart with them.

use crds::SealedSecret;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource as _;

use super::annotations::Targets;
use crate::key::ObjectKey;

/// The kinds of objects that make Secrets.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum SourceKind {
    SealedSecret,
}

/// An object that makes a Secret.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct SourceKey {
    pub kind: SourceKind,
    pub object: ObjectKey,
}

/// What such an object's annotation asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    pub uid: String,
    /// The name of the Secret that it makes.
    pub secret: String,
    pub targets: Targets,
}

impl SourceKey {
    pub fn sealed(object: ObjectKey) -> Self {
        Self { kind: SourceKind::SealedSecret, object }
    }

    /// What an Event refers to.
    pub fn reference(&self, uid: &str) -> ObjectReference {
        let (api_version, kind) = match self.kind {
            SourceKind::SealedSecret => (SealedSecret::api_version(&()), SealedSecret::kind(&())),
        };
        ObjectReference {
            api_version: Some(api_version.into_owned()),
            kind: Some(kind.into_owned()),
            namespace: Some(self.object.namespace.clone()),
            name: Some(self.object.name.clone()),
            uid: Some(uid.to_owned()),
            ..ObjectReference::default()
        }
    }
}
