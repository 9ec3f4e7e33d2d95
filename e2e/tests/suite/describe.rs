//! What a person sees.

use std::process::Command;

use crate::support::{Kind, condition, foreign, sealed, shared};

#[tokio::test]
async fn kubectl_wait_returns_when_the_secret_is_there() {
    let api = shared().api().await;
    let ns = api.namespace("describe-wait").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    kubectl(&["wait", "--for=condition=Ready", "--timeout=20s", "-n", &ns, "sealedsecret/s"]);
    assert!(api.secret(&ns, "s").await.is_some());
}

#[tokio::test]
async fn kubectl_get_says_in_a_line_how_each_stands() {
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

/// A file for another cluster is what people get wrong most.
#[tokio::test]
async fn a_file_for_another_cluster_is_stalled_and_described_with_the_remedy() {
    let api = shared().api().await;
    let ns = api.namespace("describe-stalled").await;
    // Sealed for another name, which is as wrong a label as another cluster's key is a key.
    let mut object = sealed(&ns, "t", &[("A", "1")]);
    object["metadata"]["name"] = "s".into();
    api.apply(Kind::SealedSecret, &object).await;
    kubectl(&["wait", "--for=condition=Stalled", "--timeout=20s", "-n", &ns, "sealedsecret/s"]);
    let sealed = api.wait_reason(&ns, "s", "UnknownKey").await;
    for (type_, status) in [("Synced", "False"), ("Ready", "False"), ("Stalled", "True")] {
        assert_eq!(condition(&sealed, type_).unwrap()["status"], status, "{type_}");
    }
    crate::support::eventually("the Event", async || {
        let events = api.events(&ns, "s").await;
        events.iter().any(|[_, reason, _]| reason == "UnknownKey").then_some(())
    })
    .await;
    let description = kubectl(&["describe", "sealedsecret", "s", "-n", &ns]);
    let (conditions, events) = description.split_once("\nEvents:").unwrap();
    for part in [conditions, events] {
        assert!(part.contains("UnknownKey"), "{description}");
        assert!(
            part.contains("item A is opened by no sealing key here (1 in all)"),
            "{description}"
        );
        assert!(part.contains("seal it again with this cluster's certificate"), "{description}");
    }
    assert!(events.contains("Warning"), "{description}");
}

#[tokio::test]
async fn a_success_is_one_event_and_no_more_follow() {
    let api = shared().api().await;
    let ns = api.namespace("describe-event").await;
    api.apply(Kind::SealedSecret, &sealed(&ns, "s", &[("A", "1")])).await;
    api.wait_ready(&ns, "s").await;
    crate::support::pause(1500).await;
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
