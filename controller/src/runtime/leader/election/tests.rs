use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use http::{Method, Request, Response};
use kube::client::Body;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::Instant};
use tower_test::mock;

use super::*;

const TIMING: Timing = Timing {
    lease: Duration::from_secs(6),
    renew_deadline: Duration::from_secs(4),
    retry: Duration::from_secs(1),
};

/// An API server that only has the lease.
#[derive(Clone, Default)]
struct Api {
    lease: Arc<Mutex<Option<Value>>>,
}

/// A process that takes part in the election.
struct Replica {
    fence: Fence,
    resign: watch::Sender<bool>,
    election: JoinHandle<Ended>,
    /// Whether its requests reach the API server.
    is_cut_off: Arc<AtomicBool>,
}

impl Api {
    /// Its requests are answered unless it is cut off: then they never are.
    fn replica(&self, identity: &str) -> Replica {
        let (service, mut handle) = mock::pair::<Request<Body>, Response<Body>>();
        let (this, is_cut_off) = (self.clone(), Arc::<AtomicBool>::default());
        let cut_off = is_cut_off.clone();
        tokio::spawn(async move {
            let mut unanswered = Vec::new();
            while let Some((request, answer)) = handle.next_request().await {
                if cut_off.load(Ordering::Relaxed) {
                    unanswered.push(answer);
                    continue;
                }
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await.unwrap();
                let (code, json) = this.answer(&parts.method, &body);
                let body = Body::from(json.to_string().into_bytes());
                answer.send_response(Response::builder().status(code).body(body).unwrap());
            }
        });
        let (client, fence) = (Client::new(service, "n"), Fence::closed());
        let metrics = LeaderMetrics::register(&mut Registry::default(), "l");
        let place = ("n", "l");
        let election =
            Election::new(client, place, identity.to_owned(), TIMING, fence.clone(), metrics);
        let (resign, resigned) = watch::channel(false);
        Replica { fence, resign, election: tokio::spawn(election.run(resigned)), is_cut_off }
    }

    fn answer(&self, method: &Method, body: &[u8]) -> (u16, Value) {
        let failed = |code: u16| {
            let reason = if code == 404 { "NotFound" } else { "Conflict" };
            (code, json!({ "kind": "Status", "status": "Failure", "code": code, "reason": reason }))
        };
        let mut lease = self.lease.lock().unwrap();
        let version = |lease: &Value| lease["metadata"]["resourceVersion"].clone();
        let current = lease.as_ref().map(version);
        if *method == Method::GET {
            return lease.clone().map_or_else(|| failed(404), |lease| (200, lease));
        }
        let mut new: Value = serde_json::from_slice(body).unwrap();
        let is_expected = if *method == Method::POST {
            current.is_none()
        } else {
            current.as_ref() == Some(&version(&new))
        };
        if !is_expected {
            return failed(409);
        }
        let next = current.and_then(|text| text.as_str()?.parse::<u64>().ok()).unwrap_or(0) + 1;
        new["metadata"]["resourceVersion"] = json!(next.to_string());
        *lease = Some(new.clone());
        (200, new)
    }

    fn spec(&self) -> Value {
        self.lease.lock().unwrap().as_ref().unwrap()["spec"].clone()
    }
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn one_of_two_replicas_leads() {
    let api = Api::default();
    let (first, second) = (api.replica("a"), api.replica("b"));
    seconds(60).await;
    assert_ne!(first.fence.is_open(), second.fence.is_open());
    let spec = api.spec();
    let holder = if first.fence.is_open() { "a" } else { "b" };
    assert_eq!(spec["holderIdentity"], holder);
    assert_eq!((&spec["leaseDurationSeconds"], &spec["leaseTransitions"]), (&json!(6), &json!(0)));
}

#[tokio::test(start_paused = true)]
async fn standby_takes_over_after_a_crash_within_eight_seconds() {
    let api = Api::default();
    let leader = api.replica("a");
    leader.fence.opened().await;
    let standby = api.replica("b");
    seconds(10).await;
    leader.election.abort();
    let crashed = Instant::now();
    standby.fence.opened().await;
    let took = crashed.elapsed();
    assert!((5..=8).contains(&took.as_secs()), "{took:?}");
    assert!(!leader.fence.is_open());
    assert_eq!(
        (&api.spec()["holderIdentity"], &api.spec()["leaseTransitions"]),
        (&json!("b"), &json!(1))
    );
}

#[tokio::test(start_paused = true)]
async fn standby_takes_a_released_lease_within_a_second() {
    let api = Api::default();
    let leader = api.replica("a");
    leader.fence.opened().await;
    let standby = api.replica("b");
    seconds(10).await;
    leader.resign.send_replace(true);
    let resigned = Instant::now();
    assert_eq!(leader.election.await.unwrap(), Ended::Resigned);
    assert!(!leader.fence.is_open());
    standby.fence.opened().await;
    assert!(resigned.elapsed() <= Duration::from_millis(1100), "{:?}", resigned.elapsed());
    standby.resign.send_replace(true);
    assert_eq!(standby.election.await.unwrap(), Ended::Resigned);
    assert_eq!(api.spec()["holderIdentity"], "");
}

#[tokio::test(start_paused = true)]
async fn leader_without_a_connection_stops_before_the_standby_leads() {
    let api = Api::default();
    let leader = api.replica("a");
    leader.fence.opened().await;
    let standby = api.replica("b");
    seconds(10).await;
    leader.is_cut_off.store(true, Ordering::Relaxed);
    let cut_off = Instant::now();
    assert_eq!(leader.election.await.unwrap(), Ended::Lost);
    assert!(!leader.fence.is_open() && !standby.fence.is_open());
    assert!(cut_off.elapsed() <= Duration::from_secs(7), "{:?}", cut_off.elapsed());
    standby.fence.opened().await;
    assert!(cut_off.elapsed() <= Duration::from_secs(8), "{:?}", cut_off.elapsed());
}

#[tokio::test(start_paused = true)]
async fn leader_keeps_the_lease_through_a_short_outage_and_a_deletion() {
    let api = Api::default();
    let leader = api.replica("a");
    leader.fence.opened().await;
    leader.is_cut_off.store(true, Ordering::Relaxed);
    seconds(1).await;
    leader.is_cut_off.store(false, Ordering::Relaxed);
    seconds(5).await;
    assert!(leader.fence.is_open());
    *api.lease.lock().unwrap() = None;
    seconds(5).await;
    assert!(leader.fence.is_open());
    assert_eq!(api.spec()["holderIdentity"], "a");
}

#[tokio::test(start_paused = true)]
async fn leader_ends_when_another_takes_the_lease() {
    let api = Api::default();
    let leader = api.replica("a");
    leader.fence.opened().await;
    let mut taken = api.lease.lock().unwrap().clone().unwrap();
    taken["metadata"]["resourceVersion"] = json!("100");
    taken["spec"]["holderIdentity"] = json!("c");
    *api.lease.lock().unwrap() = Some(taken);
    assert_eq!(leader.election.await.unwrap(), Ended::Lost);
    assert!(!leader.fence.is_open());
    assert_eq!(api.spec()["holderIdentity"], "c");
}
