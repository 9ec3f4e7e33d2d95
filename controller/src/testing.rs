//! What tests of the library need to reconcile objects step by step against an API server of their own.

pub use crate::{
    aws::{Pool, metrics::AwsMetrics},
    context::{Context, Settings as ContextSettings},
    external::{
        ExternalSecretController,
        metrics::ExternalMetrics,
        render::{Delimiters, Renderer},
        settings::Settings as ExternalSettings,
        store::Store,
    },
    key::ObjectKey,
    keys::{KeyMetrics, KeySettings, KeyStore},
    restart::{
        RestartController, RestartMetrics, Settings as RestartSettings,
        annotations::{RESTART_ON, RESTART_STATE, TEMPLATE_SECRETS},
        kind::{WorkloadKey, WorkloadKind},
    },
    runtime::{
        controller::reconcile,
        events::EventPublisher,
        mac::MacKey,
        metrics::ReconcileMetrics,
        queue::{Priority, WorkQueue},
        scope::WatchScope,
        template_settings::TemplateSettings,
    },
    sealed::{
        SealedSecretController, controller::Settings as SealedSettings,
        metrics::SealedSecretMetrics,
    },
    target::{
        SecretIndex,
        policy::Policy,
        watch::{SecretChange, SecretSubscriber},
    },
};
