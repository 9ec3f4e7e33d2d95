//! Rounds in which nothing changes.

use std::time::Duration;

use anyhow::ensure;
use tokio::time::{Instant, sleep};

use super::super::report::Report;
use super::calls::Calls;
use super::rig::{Rig, until};

/// How long a controller without anything to do is observed. Less than the interval that has just begun.
const RESTART_TIME: Duration = Duration::from_secs(15);

/// No Secret exists yet.
pub(super) async fn first_start(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    let (before, begun) = (rig.aws.counts(), Instant::now());
    rig.session.start_controller()?;
    rig.until_written(rig.all()).await?;
    let took = begun.elapsed().as_secs_f64();
    settled(rig).await?;
    let after = rig.counted()?;
    let calls = Calls::since(&before, &rig.aws.counts());
    let measured = format!("{took:.1} s, {calls}, {} writes; {}", after.writes, after.usage);
    report.add("first start, no Secret exists", "", measured);
    Ok(())
}

/// A round begins with a list. The one before makes all objects due at the same time.
pub(super) async fn unchanged(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    let controller = rig.session.take_controller()?;
    drop(controller);
    sleep(rig.interval).await;
    rig.session.start_controller()?;
    #[expect(clippy::cast_precision_loss, reason = "at most a million")]
    let all = rig.all() as f64;
    until("the first round", || Ok(rig.counted()?.refreshes >= all)).await?;
    settled(rig).await?;
    let before = rig.counted()?;
    until("the next list", || Ok(lists(rig) > before.calls("ListSecrets"))).await?;
    let begun = Instant::now();
    until("the next round", || Ok(rig.counted()?.refreshes >= before.refreshes + all)).await?;
    let took = begun.elapsed().as_secs_f64();
    let after = rig.counted()?;
    let written = after.writes - before.writes;
    let calls = Calls::between(&before, &after);
    let measured = format!("{calls}, {written} writes, {took:.1} s; {}", after.usage);
    report.add("sweep, nothing has changed", "≤ 110 calls, 0 writes, ≤ 5 s", measured);
    ensure!(written < 0.5, "{written} writes, though no value has changed");
    Ok(())
}

/// Nothing is due until the interval has passed since the values were read.
pub(super) async fn restart(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    restarted(rig, report, "restart, nothing is due", "0 calls").await
}

/// Values were read more than one interval ago. That a list has proved them since is not kept: every identity lists
/// once.
pub(super) async fn late_restart(rig: &mut Rig, report: &mut Report) -> anyhow::Result<()> {
    restarted(rig, report, "restart after a sweep", "").await
}

async fn restarted(
    rig: &mut Rig,
    report: &mut Report,
    what: &'static str,
    goal: &'static str,
) -> anyhow::Result<()> {
    drop(rig.session.take_controller()?);
    let (before, begun) = (rig.aws.counts(), Instant::now());
    rig.session.start_controller()?;
    let ready = begun.elapsed().as_secs_f64();
    sleep(RESTART_TIME).await;
    let after = rig.counted()?;
    let calls = Calls::since(&before, &rig.aws.counts());
    let seconds = RESTART_TIME.as_secs();
    let measured =
        format!("{calls}, {} writes within {seconds} s; ready after {ready:.1} s", after.writes);
    report.add(what, goal, measured);
    Ok(())
}

fn lists(rig: &Rig) -> usize {
    rig.aws.counts().get("ListSecrets").copied().unwrap_or_default()
}

/// Waits until the controller has stopped writing.
async fn settled(rig: &Rig) -> anyhow::Result<()> {
    let mut last = -1.0;
    loop {
        let now = rig.counted()?.writes;
        if (now - last).abs() < 0.5 {
            return Ok(());
        }
        last = now;
        sleep(Duration::from_millis(700)).await;
    }
}
