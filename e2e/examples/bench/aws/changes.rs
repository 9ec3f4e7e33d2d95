//! From a message in the queue to the Secret.

use std::time::Duration;

use anyhow::{Context, ensure};
use e2e::aws::table::arn;
use e2e::events::label_updated;
use tokio::time::{Instant, sleep};

use super::super::report::Report;
use super::rig::{Rig, name, remote};

/// The time between two changes whose latency is measured.
const PACE: Duration = Duration::from_millis(50);
/// Longer than any event takes.
const LIMIT: Duration = Duration::from_secs(60);

/// One change after the other, each of another secret.
pub(super) async fn latency(rig: &Rig, report: &mut Report, changes: usize) -> anyhow::Result<()> {
    let mut sent = Vec::new();
    for number in (0..changes.min(rig.objects)).rev() {
        sent.push((number, Instant::now(), rig.aws.table().reads(&remote(number))));
        announce(rig, number, "changed");
        sleep(PACE).await;
    }
    let (mut times, mut reads) = (Vec::new(), 0);
    for (number, begun, before) in &sent {
        let arrived = rig.arrival(&name(*number), "changed", LIMIT).await?;
        times.push((arrived.context("an event was missed")? - *begun).as_secs_f64());
        reads += rig.aws.table().reads(&remote(*number)) - before;
    }
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    let measured = format!(
        "p50 {:.2} s, p95 {:.2} s, p99 {:.2} s of {} events; {reads} reads",
        at(50),
        at(95),
        at(99),
        times.len(),
    );
    report.add("message in the queue → Secret written", "p95 ≤ 1 s, p99 ≤ 2 s", measured);
    Ok(())
}

/// Many changes at once.
pub(super) async fn burst(rig: &Rig, report: &mut Report, events: usize) -> anyhow::Result<()> {
    let numbers: Vec<_> = (0..rig.objects).rev().take(events).collect();
    let before: Vec<_> =
        numbers.iter().map(|number| rig.aws.table().reads(&remote(*number))).collect();
    let begun = Instant::now();
    for number in &numbers {
        announce(rig, *number, "burst");
    }
    let mut last = begun;
    for number in &numbers {
        let arrived = rig.arrival(&name(*number), "burst", LIMIT).await?;
        last = last.max(arrived.context("an event was missed")?);
    }
    let reads = numbers.iter().zip(before);
    let reads = reads.map(|(number, before)| rig.aws.table().reads(&remote(*number)) - before);
    let most = reads.max().unwrap_or_default();
    let took = (last - begun).as_secs_f64();
    let measured = format!("all applied after {took:.1} s, at most {most} reads of a secret");
    let what = format!("{} events at once", numbers.len());
    report.add(what, "≤ 10 s, ≤ 1 read of each", measured);
    ensure!(most >= 1, "nothing was read");
    Ok(())
}

/// Changes a secret, and puts the event into the queue.
fn announce(rig: &Rig, number: usize, value: &str) {
    let name = remote(number);
    let version = rig.aws.table().put(&name, value);
    let event = label_updated(&arn(&name), &name, "AWSCURRENT", &version);
    rig.aws.queue().send(event.to_string());
}
