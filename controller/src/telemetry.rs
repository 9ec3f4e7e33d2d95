//! Logs: to standard error, as text or JSON.

use std::fmt;

use clap::ValueEnum;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::{
    Layer as _,
    filter::filter_fn,
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::{Format, Writer},
    },
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

/// The minimum severity of logged messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogLevel {
    /// Only problems that need action
    Error,
    /// Also problems that may need action
    Warn,
    /// Also each change
    Info,
    /// Also each decision
    Debug,
}

/// The format of the log.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum LogFormat {
    /// One line of text for each message
    Text,
    /// One line of JSON for each message
    Json,
}

/// Starts the log of this process.
pub fn init(level: LogLevel, format: LogFormat) {
    subscriber(level, format, std::io::stderr).init();
}

fn subscriber<W>(level: LogLevel, format: LogFormat, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let level = match level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
    };
    let filter = filter_fn(move |metadata| *metadata.level() <= level && is_ours(metadata));
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
    let layer = match format {
        LogFormat::Text => {
            layer.event_format(OneLine(Format::default().with_target(false))).boxed()
        }
        LogFormat::Json => layer.with_target(false).json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry().with(filter).with(layer)
}

/// Each message on a separate line. Quoted text cannot look like another message.
struct OneLine<F>(F);

impl<S, N, F> FormatEvent<S, N> for OneLine<F>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    N: for<'w> FormatFields<'w> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0.format_event(context, Writer::new(&mut line), event)?;
        line.truncate(line.trim_end_matches('\n').len());
        writeln!(writer, "{}", one_line(line))
    }
}

/// Escapes characters that would break the line or hide a part of it, as in a Rust string: control
/// characters, line separators, and changes of the text direction.
pub(crate) fn one_line(text: String) -> String {
    if !text.contains(breaks_line) {
        return text;
    }
    let mut line = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if breaks_line(c) { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

fn breaks_line(c: char) -> bool {
    let changes_direction = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || changes_direction
}

/// Only our own crate logs. Libraries would log, at some level, bodies that they cannot parse, and a
/// body may be a Secret (kube-client does, as a warning).
fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("mtk_controller")
}

#[cfg(test)]
mod tests {
    use std::{
        io::{self, Write},
        path::Path,
        sync::{Arc, Mutex},
    };

    use tracing::warn;

    use super::*;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, log: impl FnOnce()) -> String {
        let written = Log::default();
        let writer = written.clone();
        let subscriber = subscriber(LogLevel::Info, format, move || writer.clone());
        tracing::subscriber::with_default(subscriber, log);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn quoted_text_cannot_pass_for_another_message() {
        let forged = "A\n2026-11-30T00:00:00Z  INFO in sync\r\u{2028}\u{202e}\u{1b}[2K";
        let log = || warn!(object = %forged, cause = forged, "not in sync: {forged}");
        let text = logged(LogFormat::Text, log);
        assert_eq!(text.lines().count(), 1, "{text}");
        let text = text.strip_suffix('\n').unwrap();
        assert!(!text.contains(breaks_line), "{text:?}");
        assert!(text.contains("not in sync: A\\n2026-11-30"), "{text}");
        assert!(text.contains("object=A\\n2026-11-30"), "{text}");
        assert_eq!(logged(LogFormat::Json, log).lines().count(), 1);
    }

    #[test]
    fn text_without_control_characters_stays_as_it_is() {
        assert_eq!(one_line("item `ключ` \"A\\B\"".into()), "item `ключ` \"A\\B\"");
        assert_eq!(one_line("a\tb\u{85}c".into()), "a\\tb\\u{85}c");
    }

    /// The text of an event is its field `message`. Another field of this name would occur twice in JSON, and
    /// parsers differ in which one they keep.
    #[test]
    fn no_event_has_a_second_message() {
        let mut events = 0;
        visit(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut |path, text| {
            for level in ["error!(", "warn!(", "info!(", "debug!("] {
                for rest in text.split(level).skip(1) {
                    events += 1;
                    let arguments = rest.split(';').next().unwrap_or_default();
                    let is_field = |argument: &str| {
                        let name = argument.split('=').next().unwrap_or_default().trim();
                        name.trim_start_matches(['%', '?']) == "message"
                    };
                    assert!(!arguments.split(',').any(is_field), "{}: {arguments}", path.display());
                }
            }
        });
        assert!(events > 20);
    }

    fn visit(folder: &Path, check: &mut impl FnMut(&Path, &str)) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                visit(&path, check);
            } else {
                check(&path, &std::fs::read_to_string(&path).unwrap());
            }
        }
    }
}
