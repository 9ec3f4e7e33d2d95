//! The output of kubectl.

use std::process::Command;

use crate::support::{Kind, catch_up, condition, eventually, foreign, sealed, shared};

#[tokio::test]
async fn kubectl_wait_returns_once_the_secret_exists() {
    let api = shared().api().await;
    let ns = api.namespace("describe-wait").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    kubectl(&["wait", "--for=condition=Ready", "--timeout=20s", "-n", &ns, "sealedsecret/s"]);
    assert!(api.secret(&ns, "s").await.is_some());
}

#[tokio::test]
async fn kubectl_get_shows_the_state_of_each_object() {
    let api = shared().api().await;
    let ns = api.namespace("describe-get").await;
    api.create(Kind::Secret, foreign(&ns, "blocked")).await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "blocked", &[("A", "1")])).await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "fine", &[("A", "1")])).await;
    api.wait_reason(&ns, "blocked", "NotOwned").await;
    api.wait_ready(&ns, "fine").await;
    let table = kubectl(&["get", "sealedsecrets", "-n", &ns]);
    let rows: Vec<Vec<_>> = table.lines().map(|row| row.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["NAME", "READY", "REASON", "SYNCED", "AGE"], "{table}");
    assert_eq!(rows[1][..4], ["blocked", "False", "NotOwned", "False"], "{table}");
    assert_eq!(rows[2][..4], ["fine", "True", "Unsealed", "True"], "{table}");
    let wide = kubectl(&["get", "sealedsecrets", "-n", &ns, "-o", "wide"]);
    assert!(wide.contains("already exists and is not managed"), "{wide}");
}

/// Sealing for another cluster is the most frequent mistake.
#[tokio::test]
async fn file_for_another_cluster_stalls_and_shows_the_remedy() {
    let api = shared().api().await;
    let ns = api.namespace("describe-stalled").await;
    // An item sealed for another name fails like an item sealed for another cluster.
    let mut object = sealed(&ns, "t", &[("A", "1")]);
    object["metadata"]["name"] = "s".into();
    api.apply(Kind::SealedSecret, &object).await;
    kubectl(&["wait", "--for=condition=Stalled", "--timeout=20s", "-n", &ns, "sealedsecret/s"]);
    let sealed = api.wait_reason(&ns, "s", "UnknownKey").await;
    for (type_, status) in [("Synced", "False"), ("Ready", "False"), ("Stalled", "True")] {
        assert_eq!(condition(&sealed, type_).unwrap()["status"], status, "{type_}");
    }
    eventually("the Event exists", async || {
        let events = api.events(&ns, "s").await;
        events.iter().any(|[_, reason, _]| reason == "ErrUnsealFailed").then_some(())
    })
    .await;
    let description = kubectl(&["describe", "sealedsecret", "s", "-n", &ns]);
    let (conditions, events) = description.split_once("\nEvents:").unwrap();
    for part in [conditions, events] {
        assert!(part.contains("UnknownKey"), "{description}");
        assert!(
            part.contains("item A cannot be opened with the sealing keys here (1 in all)"),
            "{description}"
        );
        assert!(part.contains("seal it again with this cluster's certificate"), "{description}");
    }
    assert!(events.contains("Warning"), "{description}");
}

#[tokio::test]
async fn success_causes_one_event() {
    let api = shared().api().await;
    let ns = api.namespace("describe-event").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    catch_up(&api).await;
    let events = api.events(&ns, "s").await;
    let [[type_, reason, message]] = &events[..] else { panic!("{events:?}") };
    assert_eq!((type_.as_str(), reason.as_str()), ("Normal", "Unsealed"));
    assert!(message.contains("Secret s created"), "{message}");
}

fn kubectl(arguments: &[&str]) -> String {
    let mut command: Command = shared().cluster.plane().kubectl();
    let output = command.args(arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "kubectl {}: {errors}", arguments.join(" "));
    String::from_utf8(output.stdout).unwrap()
}
