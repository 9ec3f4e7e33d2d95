//! Leader election with real processes: one is killed, frozen or stopped, and the other takes over.
//!
//! `MTK_LEADER_ROUNDS` sets how often (5), and `MTK_KILL_SECONDS` how long replicas are killed (60).

mod replicas;

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::Value;

use self::replicas::{LEASE, Load, Replicas, SLOTS, changed};
use crate::support::{Kind, data, eventually, foreign, private, ready_reason, sealed};
use e2e::cluster::NAMESPACE;

/// After a crash.
const TAKEOVER: Duration = Duration::from_secs(10);
/// After SIGTERM. Shorter than the lease, so the leader must have released it.
const HANDOVER: Duration = Duration::from_secs(4);
/// Between two kills.
const KILL_INTERVAL: Duration = Duration::from_secs(5);
const OBJECTS: usize = 500;
const FOREIGN: usize = 10;

/// The number in this variable.
fn setting(variable: &str, default: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn rounds() -> u64 {
    setting("MTK_LEADER_ROUNDS", 5)
}

/// Creates an object, and waits until a controller has synced it. Returns the time since `since`.
async fn acts(replicas: &Replicas<'_>, name: &str, since: Instant) -> Duration {
    let (api, namespace) = (&replicas.api, &replicas.namespace);
    api.apply(Kind::SealedSecret, &sealed(namespace, name, &[("A", "1")])).await;
    api.wait_ready(namespace, name).await;
    since.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standby_acts_within_ten_seconds_after_the_leader_is_killed() {
    let private = private().await;
    let replicas = Replicas::new(&private, "leader-kill").await;
    let (mut leader, mut standby) = replicas.pair().await;
    let load = Load::start(&replicas, 20);
    for round in 0..rounds() {
        let killed = std::mem::replace(&mut leader, standby);
        let (slot, since) = (killed.slot, Instant::now());
        drop(killed);
        let took = acts(&replicas, &format!("round{round}"), since).await;
        assert!(took < TAKEOVER, "round {round}: {took:?}\n{}", leader.log());
        standby = replicas.start(slot);
    }
    load.end_in_sync().await;
    drop((leader, standby));
}

/// Fault F11.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leader_that_was_frozen_writes_nothing_after_the_standby_acts() {
    let private = private().await;
    let replicas = Replicas::new(&private, "leader-freeze").await;
    let (mut leader, mut standby) = replicas.pair().await;
    let load = Load::start(&replicas, 20);
    for round in 0..rounds() {
        let frozen = std::mem::replace(&mut leader, standby);
        let since = Instant::now();
        frozen.controller.signal(Signal::STOP).unwrap();
        let took = acts(&replicas, &format!("round{round}"), since).await;
        assert!(took < TAKEOVER, "round {round}: {took:?}\n{}", leader.log());
        let before = replicas.writes(frozen.slot);
        frozen.controller.signal(Signal::CONT).unwrap();
        frozen.wait_for_end().await;
        let after = replicas.writes(frozen.slot);
        assert_eq!(after[before.len()..], [""; 0], "round {round}\n{}", frozen.log());
        assert!(frozen.log().contains("lost its lease"), "{}", frozen.log());
        standby = replicas.start(frozen.slot);
    }
    load.end_in_sync().await;
    drop((leader, standby));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standby_only_watches_and_leads_at_once_after_sigterm() {
    let private = private().await;
    let replicas = Replicas::new(&private, "leader-term").await;
    let counts = SLOTS.map(|slot| replicas.writes(slot).len());
    let (mut leader, mut standby) = replicas.pair().await;
    let load = Load::start(&replicas, 20);
    standby.controller.signal(Signal::USR1).unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let [leaders, standbys] = [0, 1].map(|n| replicas.writes(SLOTS[n]).len() - counts[n]);
    assert!(leaders > 0 && standbys == 0, "{leaders} and {standbys}");
    assert!(standby.log().contains("this replica is not the leader"), "{}", standby.log());
    for path in ["/readyz", "/healthz", "/v1/cert.pem"] {
        standby.controller.get(path).unwrap();
    }
    assert!(leader.leads() && !standby.leads());
    for round in 0..rounds() {
        let stopped = std::mem::replace(&mut leader, standby);
        let since = Instant::now();
        stopped.controller.signal(Signal::TERM).unwrap();
        let took = acts(&replicas, &format!("round{round}"), since).await;
        assert!(took < HANDOVER, "round {round}: {took:?}\n{}", stopped.log());
        stopped.wait_for_end().await;
        assert!(stopped.log().contains("released the lease"), "{}", stopped.log());
        standby = replicas.start(stopped.slot);
    }
    let lease = replicas.api.get(Kind::Lease, NAMESPACE, LEASE).await.unwrap();
    assert_eq!(lease["spec"]["leaseTransitions"].as_u64(), Some(rounds()));
    load.end_in_sync().await;
    drop((leader, standby));
}

/// Every other time, the leader is killed, and otherwise the standby.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_that_are_killed_every_five_seconds_lose_no_secret() {
    let private = private().await;
    let replicas = Replicas::new(&private, "leader-chaos").await;
    let others = foreign_secrets(&replicas).await;
    let (leader, standby) = replicas.pair().await;
    let mut pair = vec![leader, standby];
    let load = Load::start(&replicas, OBJECTS);
    let end = Instant::now() + Duration::from_secs(setting("MTK_KILL_SECONDS", 60));
    for kill in 0_u64.. {
        tokio::time::sleep(KILL_INTERVAL).await;
        if Instant::now() >= end {
            break;
        }
        let hits_leader = kill % 2 == 0;
        let hit = pair.iter().position(|replica| replica.leads() == hits_leader).unwrap_or(0);
        let slot = pair.remove(hit).slot;
        pair.push(replicas.spawn(slot));
    }
    let secrets = load.end_in_sync().await;
    assert_eq!(secrets, OBJECTS);
    for before in others {
        let name = before["metadata"]["name"].as_str().unwrap();
        let now = replicas.api.secret(&replicas.namespace, name).await.unwrap();
        assert_eq!(now["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
        assert_eq!(data(&now), data(&before));
    }
}

/// Secrets of others, and a SealedSecret for each, which must not overwrite it.
async fn foreign_secrets(replicas: &Replicas<'_>) -> Vec<Value> {
    let (api, namespace) = (&replicas.api, &replicas.namespace);
    let mut secrets = Vec::new();
    for n in 0..FOREIGN {
        let name = format!("foreign{n}");
        secrets.push(api.create(Kind::Secret, foreign(namespace, &name)).await);
        api.apply(Kind::SealedSecret, &sealed(namespace, &name, &[("A", "ours")])).await;
    }
    secrets
}

impl Load {
    /// Stops the changes, and waits until each Secret has its last value. Returns their number.
    async fn end_in_sync(self) -> usize {
        let (api, namespace) = (self.api.clone(), self.namespace.clone());
        let last = self.end().await;
        for (name, value) in &last {
            let what = format!("{name} is in sync");
            eventually(&what, async || {
                let object = api.get(Kind::SealedSecret, &namespace, name).await?;
                let secret = api.secret(&namespace, name).await?;
                let is_ready = ready_reason(&object) == Some("Unsealed");
                (is_ready && data(&secret) == [changed(*value)]).then_some(())
            })
            .await;
        }
        last.len()
    }
}
