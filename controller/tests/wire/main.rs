//! What goes over the wire when the API server fails: single passes of the reconciler on an API
//! server in this process, which breaks at the request that a test names.
//!
//! Time is tokio's paused clock: whoever waits, waits for nothing.

mod api;
mod external;
mod fixtures;
mod workloads;

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::{
    api::Fault,
    fixtures::{Controller, NAME, condition, turn},
};

/// Fault F2: a timeout after the commit.
#[tokio::test(start_paused = true)]
async fn a_creation_whose_answer_is_lost_is_found_done_at_the_next_pass() {
    let _turn = turn().await;
    let controller = Controller::start().await;
    controller.api.break_next("create secrets", Fault::AnswerLost);
    controller.pass().await;
    assert_eq!(controller.api.take_requests(), ["create secrets: lost"]);
    let made = controller.api.secret();

    controller.pass().await;
    assert_eq!(
        controller.api.take_requests(),
        [
            "get sealedsecrets: 200",
            "create secrets: 409",
            "get secrets: 200",
            "patch sealedsecrets/status: 200",
        ]
    );
    assert_eq!(controller.api.secret(), made, "nothing was written a second time");
    assert_eq!(condition(&controller.api, "Ready")["status"], "True");
}

/// Fault F1: between the Secret and the status.
#[tokio::test(start_paused = true)]
async fn a_status_that_could_not_be_written_is_written_later_without_an_rsa_operation() {
    let _turn = turn().await;
    let controller = Controller::start().await;
    controller.api.break_next("patch sealedsecrets/status", Fault::Status(500));
    controller.pass().await;
    assert_eq!(
        controller.api.take_requests()[..2],
        ["create secrets: 201", "patch sealedsecrets/status: 500"]
    );
    let operations = sealing::private_key_operations();

    controller.pass().await;
    assert_eq!(controller.api.take_requests(), ["patch sealedsecrets/status: 200"]);
    assert_eq!(sealing::private_key_operations(), operations);
    assert_eq!(condition(&controller.api, "Ready")["status"], "True");
    let known = controller.reconciler.objects.get(&controller.key).unwrap();
    assert_eq!((known.failed, known.attempts), (None, 0), "or a changed Secret is not looked at");

    controller.look_again();
    controller.pass().await;
    assert!(controller.api.take_requests().is_empty(), "it is settled");
}

#[tokio::test(start_paused = true)]
async fn a_change_by_others_at_the_same_moment_is_planned_anew_and_kept() {
    let _turn = turn().await;
    let controller = Controller::start().await;
    controller.pass().await;
    controller.api.take_requests();
    controller.edit_secret(&json!({ "data": { "A": "ZWRpdGVk" } }));
    let label = json!({ "metadata": { "labels": { "theirs": "1" } } });
    controller.api.break_next("patch secrets", Fault::ChangedBefore(label));

    controller.look_again();
    controller.pass().await;
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
async fn an_api_server_that_fails_is_asked_again_ever_more_slowly_until_it_recovers() {
    let _turn = turn().await;
    let controller = Controller::start().await;
    let mut waits = Vec::new();
    for attempt in 1..=6 {
        controller.api.break_next("create secrets", Fault::Status(500));
        let before = Instant::now();
        controller.pass().await;
        waits.push(before.elapsed());
        let requests = controller.api.take_requests();
        let said = requests.contains(&"patch sealedsecrets/status: 200".to_owned());
        // Once is worth no condition, and what has been said is not said again.
        assert_eq!(said, attempt == 3, "attempt {attempt}");
    }
    assert_eq!(waits[0], Duration::ZERO);
    assert!(waits[5] > 4 * waits[1], "{waits:?}");
    assert!(waits[5] < Duration::from_mins(5), "{waits:?}");
    let ready = condition(&controller.api, "Ready");
    assert_eq!((&ready["status"], &ready["reason"]), (&json!("False"), &json!("Unavailable")));
    assert_eq!(condition(&controller.api, "Stalled")["status"], "False");

    controller.pass().await;
    assert_eq!(controller.api.secret()["data"], json!({ "A": "MQ==" }));
    assert_eq!(condition(&controller.api, "Ready")["status"], "True");
}

#[tokio::test(start_paused = true)]
async fn a_request_without_an_answer_is_given_up_and_made_again() {
    let _turn = turn().await;
    let controller = Controller::start().await;
    controller.api.break_next("create secrets", Fault::Silence);
    let before = Instant::now();
    controller.pass().await;
    assert!(before.elapsed() <= Duration::from_secs(31), "{:?}", before.elapsed());
    controller.pass().await;
    assert_eq!(controller.api.secret()["data"], json!({ "A": "MQ==" }));
}

/// People replace Secrets by delete and create.
#[tokio::test(start_paused = true)]
async fn a_secret_deleted_between_read_and_patch_is_made_anew_after_two_seconds() {
    let _turn = turn().await;
    let controller = Controller::start().await;
    controller.pass().await;
    controller.edit_secret(&json!({ "data": { "A": "ZWRpdGVk" } }));
    controller.api.break_next("patch secrets", Fault::DeletedBefore);
    controller.look_again();
    controller.pass().await;
    controller.forget_secret();
    let vanished = Instant::now();
    controller.pass().await;
    assert_eq!(vanished.elapsed(), Duration::from_secs(2));
    assert_eq!(controller.api.secret()["data"], json!({ "A": "MQ==" }));
}

/// Fault F20.
#[tokio::test(start_paused = true)]
async fn a_namespace_on_its_way_out_is_no_failure() {
    let _turn = turn().await;
    let controller = Controller::start().await;
    controller.api.break_next("create secrets", Fault::Terminating);
    controller.pass().await;
    assert_eq!(controller.api.take_requests(), ["create secrets: 403"]);
    assert!(controller.reconciler.queue.is_empty(), "{NAME} is not tried again");
}
