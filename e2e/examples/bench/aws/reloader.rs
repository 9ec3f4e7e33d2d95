//! The same events for this controller and, by its documentation and source, for external-secrets/reloader 0.2.0 in
//! front of External Secrets. Each case is a way in which one of them may miss a change. The reloader does not run
//! here: `Reloader` has its rules.

mod cases;
mod peer;

use std::time::Duration;

use tokio::time::Instant;

pub(super) use self::cases::{CASES, Case, PREFIX};
use self::peer::Reloader;
use super::super::report::print_rows;
use super::print;
use super::rig::Rig;

/// A change that has not arrived by then has been missed: only the interval finds it. A message that was received and not
/// deleted comes again after a minute.
const LIMIT: Duration = Duration::from_secs(90);

/// The lines of the table.
pub(super) struct Compared(Vec<[String; 3]>);

pub(super) async fn compare(rig: &mut Rig) -> anyhow::Result<Compared> {
    let mut rows = Vec::new();
    let (mut missed, mut peer_missed) = (0, 0);
    for case in &CASES {
        let mut play = Play { case, peer: Reloader::new(), changed: Instant::now() };
        let before = rig.aws.table().reads(&case.remote());
        (case.steps)(&mut play, rig)?;
        let arrived = rig.arrival(&case.object(), cases::LAST, LIMIT).await?;
        let reads = rig.aws.table().reads(&case.remote()) - before;
        let ours = match arrived {
            Some(at) => format!("{:.2} s, reads: {reads}", (at - play.changed).as_secs_f64()),
            None => "missed".to_owned(),
        };
        missed += usize::from(arrived.is_none());
        let has_last = play.peer.value == cases::LAST;
        peer_missed += usize::from(!has_last);
        let reads = play.peer.reads;
        let peer = if has_last {
            format!("CloudTrail's delay, reads: {reads}")
        } else {
            format!("missed, reads: {reads}")
        };
        print(format_args!("{}: {ours}; reloader: {peer}", case.what));
        rows.push([case.what.to_owned(), ours, peer]);
    }
    let of = CASES.len();
    rows.push(["missed".to_owned(), format!("{missed} of {of}"), format!("{peer_missed} of {of}")]);
    Ok(Compared(rows))
}

impl Compared {
    pub(super) fn print(&self) {
        print("");
        print(
            "The same events beside external-secrets/reloader 0.2.0, by its documentation and source. A change that it misses, External",
        );
        print(
            "Secrets reads at the next refreshInterval. CloudTrail delivers its events minutes later, for both.",
        );
        print("");
        print_rows(["", "measured here", "reloader, as documented"], &self.0);
    }
}

/// One case that is being played.
struct Play<'c> {
    case: &'c Case,
    peer: Reloader,
    /// When the last message was sent.
    changed: Instant,
}
