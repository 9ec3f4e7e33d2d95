//! The objects that make Secrets and may name workloads to restart with them.

use crds::SealedSecret;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Resource as _;

use super::annotations::Targets;
use crate::{key::ObjectKey, target::producer::ProducerKind};

/// An object that makes a Secret.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct SourceKey {
    pub(crate) kind: ProducerKind,
    pub(crate) object: ObjectKey,
}

/// The workloads that the annotation of such an object names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Source {
    pub(crate) uid: String,
    /// The name of the Secret that it makes.
    pub(crate) secret: String,
    pub(crate) targets: Targets,
}

impl SourceKey {
    /// The object of an Event.
    pub(crate) fn reference(&self, uid: &str) -> ObjectReference {
        let (api_version, kind) = match self.kind {
            ProducerKind::SealedSecret => (SealedSecret::api_version(&()), SealedSecret::kind(&())),
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
