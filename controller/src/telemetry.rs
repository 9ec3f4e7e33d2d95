//! Logs: to standard error, and perhaps to standard output, as text or JSON.

use std::{
    fmt,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use clap::ValueEnum;
use tracing::{Event, Level, Metadata, Subscriber, callsite, info, warn};
use tracing_subscriber::{
    Layer as _,
    filter::filter_fn,
    fmt::{
        FmtContext, FormatEvent, FormatFields, MakeWriter,
        format::{Format, Writer},
        writer::{BoxMakeWriter, MakeWriterExt as _},
    },
    layer::SubscriberExt as _,
    registry::LookupSpan,
    util::SubscriberInitExt as _,
};

/// How often the file with the level is read. The kubelet updates a mounted ConfigMap about once a minute.
const READ_INTERVAL: Duration = Duration::from_secs(5);

/// The minimum severity of logged messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
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

impl LogLevel {
    /// A name in any case, perhaps with an offset as in Go's slog: `INFO`, `warn`, `DEBUG+4`. The distance
    /// between two levels is 4.
    ///
    /// # Errors
    /// When it is no level.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const PROBLEM: &str = "not error, warn, info or debug";
        let end = text.find(['+', '-']).unwrap_or(text.len());
        let (name, offset) = text.split_at(end);
        let severity = match name.to_ascii_lowercase().as_str() {
            "debug" => -4,
            "info" => 0,
            "warn" => 4,
            "error" => 8,
            _ => return Err(PROBLEM),
        };
        let offset: i32 =
            if offset.is_empty() { 0 } else { offset.parse().map_err(|_| PROBLEM)? };
        // The level of the least severe message that is logged. Errors are always logged.
        Ok(match offset.saturating_add(severity) {
            ..=-4 => Self::Debug,
            -3..=0 => Self::Info,
            1..=4 => Self::Warn,
            5.. => Self::Error,
        })
    }
}

const LEVELS: [(LogLevel, Level); 4] = [
    (LogLevel::Error, Level::ERROR),
    (LogLevel::Warn, Level::WARN),
    (LogLevel::Info, Level::INFO),
    (LogLevel::Debug, Level::DEBUG),
];

/// The level of a log, which may change while the process runs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CurrentLevel(Arc<AtomicUsize>);

impl CurrentLevel {
    fn new(level: LogLevel) -> Self {
        Self(Arc::new(AtomicUsize::new(level as usize)))
    }

    fn get(&self) -> (LogLevel, Level) {
        LEVELS[self.0.load(Ordering::Relaxed).min(LEVELS.len() - 1)]
    }

    fn set(&self, level: LogLevel) {
        self.0.store(level as usize, Ordering::Relaxed);
        callsite::rebuild_interest_cache();
    }

    /// Applies the level in a file at once, and whenever it changes. A file that cannot be read, or has
    /// another content, changes nothing.
    pub(crate) async fn follow(self, file: PathBuf) {
        let mut ticks = tokio::time::interval(READ_INTERVAL);
        let mut last = None;
        loop {
            ticks.tick().await;
            let found = read_level(&file);
            if last.as_ref() == Some(&found) {
                continue;
            }
            match &found {
                Ok(level) if *level == self.get().0 => {}
                Ok(level) => {
                    self.set(*level);
                    info!(?level, "log level changed");
                }
                Err(problem) => {
                    warn!(file = %file.display(), problem, "the log level does not change");
                }
            }
            last = Some(found);
        }
    }
}

fn read_level(file: &Path) -> Result<LogLevel, String> {
    let mut text = String::new();
    let opened = File::open(file).map_err(|error| error.to_string())?;
    opened.take(64).read_to_string(&mut text).map_err(|error| error.to_string())?;
    LogLevel::parse(text.trim()).map_err(ToOwned::to_owned)
}

/// Starts the log of this process.
pub fn init(level: LogLevel, format: LogFormat, info_to_stdout: bool) -> CurrentLevel {
    let stderr = std::io::stderr;
    let writer = if info_to_stdout {
        // The minimum of verbosity: info and debug.
        BoxMakeWriter::new(std::io::stdout.with_min_level(Level::INFO).or_else(stderr))
    } else {
        BoxMakeWriter::new(stderr)
    };
    let level = CurrentLevel::new(level);
    subscriber(level.clone(), format, writer).init();
    level
}

fn subscriber<W>(level: CurrentLevel, format: LogFormat, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = filter_fn(move |metadata| *metadata.level() <= level.get().1 && is_ours(metadata));
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
        sync::Mutex,
    };

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
        let level = CurrentLevel::new(LogLevel::Info);
        let subscriber = subscriber(level, format, move || writer.clone());
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

    #[tokio::test(start_paused = true)]
    async fn level_in_a_file_counts_when_it_changes() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("level");
        let level = CurrentLevel::new(LogLevel::Info);
        let task = tokio::spawn(level.clone().follow(file.clone()));
        for (text, expected) in [
            (None, LogLevel::Info),
            (Some("debug\n"), LogLevel::Debug),
            (Some("loud"), LogLevel::Debug),
            (Some("ERROR"), LogLevel::Error),
        ] {
            if let Some(text) = text {
                std::fs::write(&file, text).unwrap();
            }
            tokio::time::sleep(2 * READ_INTERVAL).await;
            assert_eq!(level.get().0, expected, "{text:?}");
        }
        task.abort();
    }

    #[test]
    fn changed_level_applies_to_known_messages() {
        let written = Log::default();
        let writer = written.clone();
        let level = CurrentLevel::new(LogLevel::Warn);
        let subscriber = subscriber(level.clone(), LogFormat::Text, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            for new in [LogLevel::Warn, LogLevel::Info, LogLevel::Error] {
                level.set(new);
                info!(?new, "the same message");
            }
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("Info"), "{text}");
    }

    #[test]
    fn levels_are_spelled_as_in_go() {
        for (text, level) in [
            ("DEBUG", LogLevel::Debug),
            ("info", LogLevel::Info),
            ("Warn", LogLevel::Warn),
            ("ERROR", LogLevel::Error),
            ("INFO-4", LogLevel::Debug),
            ("INFO+1", LogLevel::Warn),
            ("debug+4", LogLevel::Info),
            ("ERROR+4", LogLevel::Error),
        ] {
            assert_eq!(LogLevel::parse(text), Ok(level), "{text}");
        }
        for text in ["", "trace", "INFO+", "INFO+x", "+4", "info 4"] {
            assert!(LogLevel::parse(text).is_err(), "{text}");
        }
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
