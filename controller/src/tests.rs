//! The requests that the controllers make when the API server fails: single reconciles against an
//! API server in this process, which fails the request that a test names. The clock is paused, so
//! back-off takes no time.

mod api;
mod events;
mod external;
mod fairness;
mod fixtures;
mod watches;
mod workloads;

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use self::{
    api::Fault,
    fixtures::{Controller, NAME, condition},
};
use crate::{
    runtime::{Controller as _, Outcome, Priority},
    sealed::plan::Action,
};

/// Fault F2: a timeout after the commit.
#[tokio::test(start_paused = true)]
async fn creation_with_a_lost_answer_is_found_by_the_next_reconcile() {
    let controller = Controller::start().await;
    controller.api.break_next("create secrets", Fault::AnswerLost);
    controller.reconcile().await;
    assert_eq!(controller.api.take_requests(), ["create secrets: lost"]);
    let created = controller.api.secret();

    controller.reconcile().await;
    assert_eq!(
        controller.api.take_requests(),
        [
            "get sealedsecrets: 200",
            "create secrets: 409",
            "get secrets: 200",
            "patch sealedsecrets/status: 200",
        ]
    );
    assert_eq!(controller.api.secret(), created, "no second write");
    assert_eq!(condition(&controller.api, "Ready")["status"], "True");
}

/// Fault F1: between the Secret and the status.
#[tokio::test(start_paused = true)]
async fn failed_status_write_is_retried_without_decryption() {
    let controller = Controller::start().await;
    controller.api.break_next("patch sealedsecrets/status", Fault::Status(500));
    controller.reconcile().await;
    assert_eq!(
        controller.api.take_requests()[..2],
        ["create secrets: 201", "patch sealedsecrets/status: 500"]
    );
    let decrypted = controller.reconciler.metrics.unseal_requests.get();

    controller.reconcile().await;
    assert_eq!(controller.api.take_requests(), ["patch sealedsecrets/status: 200"]);
    assert_eq!(controller.reconciler.metrics.unseal_requests.get(), decrypted);
    assert_eq!(condition(&controller.api, "Ready")["status"], "True");
    let entry = controller.reconciler.objects.get(&controller.key).unwrap();
    assert_eq!(
        (entry.failed, entry.attempts),
        (None, 0),
        "else a change of the Secret leads to no reconcile"
    );

    controller.enqueue();
    controller.reconcile().await;
    assert!(controller.api.take_requests().is_empty(), "it is in sync");
}

#[tokio::test(start_paused = true)]
async fn concurrent_change_of_the_secret_is_kept() {
    let controller = Controller::start().await;
    controller.reconcile().await;
    controller.api.take_requests();
    controller.edit_secret(&json!({ "data": { "A": "ZWRpdGVk" } }));
    let label = json!({ "metadata": { "labels": { "theirs": "1" } } });
    controller.api.break_next("patch secrets", Fault::ChangedBefore(label));

    controller.enqueue();
    controller.reconcile().await;
    assert_eq!(
        controller.api.take_requests()[..5],
        [
            "get sealedsecrets: 200",
            "get secrets: 200",
            "patch secrets: 409",
            "get secrets: 200",
            "patch secrets: 200",
        ]
    );
    let secret = controller.api.secret();
    assert_eq!(secret["data"], json!({ "A": "MQ==" }));
    assert_eq!(secret["metadata"]["labels"], json!({ "theirs": "1" }));
}

#[tokio::test(start_paused = true)]
async fn failing_api_server_is_retried_with_backoff_until_it_recovers() {
    let controller = Controller::start().await;
    let mut waits = Vec::new();
    for attempt in 1..=6 {
        controller.api.break_next("create secrets", Fault::Status(500));
        let before = Instant::now();
        controller.reconcile().await;
        waits.push(before.elapsed());
        let requests = controller.api.take_requests();
        let is_reported = requests.contains(&"patch sealedsecrets/status: 200".to_owned());
        // The first failures cause no condition, and a repeated one no second write.
        assert_eq!(is_reported, attempt == 3, "attempt {attempt}");
    }
    assert_eq!(waits[0], Duration::ZERO);
    assert!(waits[5] > 4 * waits[1], "{waits:?}");
    assert!(waits[5] < Duration::from_mins(5), "{waits:?}");
    let ready = condition(&controller.api, "Ready");
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("Unavailable")));
    assert_eq!(condition(&controller.api, "Stalled")["status"], "False");

    controller.reconcile().await;
    assert_eq!(controller.api.secret()["data"], json!({ "A": "MQ==" }));
    assert_eq!(condition(&controller.api, "Ready")["status"], "True");
}

#[tokio::test(start_paused = true)]
async fn request_without_answer_times_out_and_is_retried() {
    let controller = Controller::start().await;
    controller.api.break_next("create secrets", Fault::Silence);
    let before = Instant::now();
    controller.reconcile().await;
    assert!(before.elapsed() <= Duration::from_secs(31), "{:?}", before.elapsed());
    controller.reconcile().await;
    assert_eq!(controller.api.secret()["data"], json!({ "A": "MQ==" }));
}

/// Users replace Secrets by delete and create.
#[tokio::test(start_paused = true)]
async fn secret_deleted_between_read_and_patch_is_created_again_after_two_seconds() {
    let controller = Controller::start().await;
    controller.reconcile().await;
    controller.edit_secret(&json!({ "data": { "A": "ZWRpdGVk" } }));
    controller.api.break_next("patch secrets", Fault::DeletedBefore);
    controller.enqueue();
    controller.reconcile().await;
    controller.remove_secret();
    let vanished = Instant::now();
    controller.reconcile().await;
    assert_eq!(vanished.elapsed(), Duration::from_secs(2));
    assert_eq!(controller.api.secret()["data"], json!({ "A": "MQ==" }));
}

/// The SealedSecret is new: it never failed over the other Secret.
#[tokio::test(start_paused = true)]
async fn new_object_leaves_the_name_of_a_deleted_foreign_secret_free_for_two_seconds() {
    let controller = Controller::start().await;
    controller.create_foreign_secret();
    controller.delete_secret();
    let deleted = Instant::now();
    controller.reconcile().await;
    assert_eq!(deleted.elapsed(), Duration::ZERO);
    assert!(controller.api.take_requests().is_empty());
    controller.reconcile().await;
    assert_eq!(deleted.elapsed(), Duration::from_secs(2));
    assert_eq!(controller.api.take_requests()[0], "create secrets: 201");
}

#[tokio::test(start_paused = true)]
async fn foreign_secret_deleted_during_decryption_stays_away_for_two_seconds() {
    let controller = Controller::start().await;
    controller.create_foreign_secret();
    let observed = controller.reconciler.observe(&controller.key).unwrap();
    controller.delete_secret();
    let outcome = controller.reconciler.apply(&controller.key, observed, Action::Sync).await;
    assert_eq!(outcome, Outcome::requeue(Priority::Drift, Duration::from_secs(2)));
    assert!(controller.api.take_requests().is_empty());
}

/// A Secret annotated `patch` has no owner: Bitnami's controller does not create it again.
#[tokio::test(start_paused = true)]
async fn deleted_secret_that_was_only_patched_stays_away_for_two_seconds() {
    let controller = Controller::start().await;
    controller.create_foreign_secret();
    let patch = json!({ crds::SealedSecret::PATCH: "true" });
    controller.edit_secret(&json!({ "metadata": { "annotations": patch } }));
    controller.reconcile().await;
    assert_eq!(condition(&controller.api, "Ready")["status"], "True");
    controller.api.take_requests();
    controller.delete_secret();
    let deleted = Instant::now();
    controller.reconcile().await;
    assert!(controller.api.take_requests().is_empty());
    controller.reconcile().await;
    assert_eq!(deleted.elapsed(), Duration::from_secs(2));
    assert_eq!(controller.api.secret()["data"], json!({ "A": "MQ==" }));
}

#[tokio::test(start_paused = true)]
async fn deleted_secret_of_the_object_is_created_again_at_once() {
    let controller = Controller::start().await;
    controller.reconcile().await;
    controller.delete_secret();
    let deleted = Instant::now();
    controller.reconcile().await;
    assert_eq!(deleted.elapsed(), Duration::ZERO);
    assert_eq!(controller.api.secret()["data"], json!({ "A": "MQ==" }));
}

/// Alerts match the reasons of Bitnami's controller. Conditions keep ours.
#[tokio::test(start_paused = true)]
async fn event_has_bitnamis_reason_and_begins_with_ours() {
    let controller = Controller::start().await;
    controller.create_foreign_secret();
    controller.reconcile().await;
    let [[type_, reason, message]] = &controller.api.take_events()[..] else { panic!("one Event") };
    assert_eq!((type_.as_str(), reason.as_str()), ("Warning", "ErrUpdateFailed"));
    assert!(message.starts_with("NotOwned: Secret team/s already exists"), "{message}");
    assert_eq!(condition(&controller.api, "Ready")["reason"], "NotOwned");

    controller.delete_secret();
    controller.reconcile().await;
    let [[type_, reason, _]] = &controller.api.take_events()[..] else { panic!("one Event") };
    assert_eq!((type_.as_str(), reason.as_str()), ("Normal", "Unsealed"));
}

/// Argo CD and similar tools prune a Secret that is marked as one of their objects.
#[tokio::test(start_paused = true)]
async fn marks_of_tools_in_the_template_are_copied_only_if_the_operator_asks_for_it() {
    for copies in [false, true] {
        let controller = Controller::start_with(copies).await;
        let labels = json!({ "team": "a", "kustomize.toolkit.fluxcd.io/name": "apps" });
        let annotations = json!({ "note": "b", "argocd.argoproj.io/tracking-id": "x" });
        let metadata = json!({ "labels": labels, "annotations": annotations });
        controller.edit_sealed(&json!({ "spec": { "template": { "metadata": metadata } } }));
        let expected = if copies {
            [labels, annotations]
        } else {
            [json!({ "team": "a" }), json!({ "note": "b" })]
        };
        let found = || {
            ["labels", "annotations"]
                .map(|field| controller.api.secret()["metadata"][field].clone())
        };
        controller.reconcile().await;
        assert_eq!(found(), expected);
        controller.api.take_requests();
        controller.enqueue();
        controller.reconcile().await;
        assert!(controller.api.take_requests().is_empty(), "it is in sync");

        // Now the controller reads the object itself.
        controller.edit_secret(&json!({ "data": { "A": "ZWRpdGVk" } }));
        controller.enqueue();
        controller.reconcile().await;
        assert!(controller.api.take_requests().contains(&"get sealedsecrets: 200".to_owned()));
        assert_eq!(found(), expected);
        controller.enqueue();
        controller.reconcile().await;
        assert!(controller.api.take_requests().is_empty(), "it is in sync");
    }
}

/// Fault F20.
#[tokio::test(start_paused = true)]
async fn terminating_namespace_is_no_failure() {
    let controller = Controller::start().await;
    controller.api.break_next("create secrets", Fault::Terminating);
    controller.reconcile().await;
    assert_eq!(controller.api.take_requests(), ["create secrets: 403"]);
    assert_eq!(controller.reconciler.queue.len(), 0, "{NAME} is not retried");
}

#[tokio::test(start_paused = true)]
async fn results_are_published_once_without_a_status() {
    let controller = Controller::start_without_status().await;
    let mut published = Vec::new();
    for _ in 0..5 {
        controller.api.break_next("create secrets", Fault::Status(500));
        controller.reconcile().await;
        published.push(controller.api.take_events().len());
    }
    assert_eq!(published, [0, 0, 1, 0, 0], "as with a status, brief failures are no news");
    controller.reconcile().await;
    assert_eq!(controller.api.secret()["data"], json!({ "A": "MQ==" }));
    controller.enqueue();
    controller.reconcile().await;
    let requests = controller.api.take_requests();
    assert!(!requests.iter().any(|request| request.contains("status")), "{requests:?}");
    assert_eq!(controller.api.sealed()["status"], serde_json::Value::Null);
}
