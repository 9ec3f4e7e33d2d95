//! Asks for a value on the terminal, without echo.

use std::io;

use zeroize::Zeroizing;

/// One line from the terminal. Ctrl-C and Ctrl-D on an empty line are errors of the kind `Interrupted`.
#[cfg(unix)]
pub(super) fn read(prompt: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    use std::{
        fs::File,
        io::{Read as _, Write as _},
    };

    let mut terminal = File::options().read(true).write(true).open("/dev/tty")?;
    let _restored = Silent::new(terminal.try_clone()?)?;
    terminal.write_all(prompt.as_bytes())?;
    let mut line = Line::default();
    let mut byte = Zeroizing::new([0]);
    let value = loop {
        terminal.read_exact(&mut *byte)?;
        match line.push(byte[0]) {
            Typed::More => {}
            Typed::End => break line.finished(rest(&mut terminal)?),
            Typed::Control => break Err(io::Error::other("a control character was typed")),
            Typed::Stop => break Err(io::ErrorKind::Interrupted.into()),
        }
    };
    if value.is_err() {
        // Without this, the shell would run the rest of a pasted value.
        rest(&mut terminal)?;
    }
    terminal.write_all(b"\r\n")?;
    value
}

/// Reads everything that was typed or pasted already. Whether it is more than line breaks.
#[cfg(unix)]
fn rest(terminal: &mut std::fs::File) -> io::Result<bool> {
    use std::io::Read as _;

    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let pause = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
    let mut buffer = Zeroizing::new([0; 4096]);
    let mut has_text = false;
    loop {
        let mut ready = [PollFd::new(terminal, PollFlags::IN)];
        if poll(&mut ready, Some(&pause))? == 0 {
            return Ok(has_text);
        }
        let length = terminal.read(&mut *buffer)?;
        if length == 0 {
            return Ok(has_text);
        }
        has_text |= buffer[..length].iter().any(|byte| !matches!(byte, b'\r' | b'\n'));
    }
}

#[cfg(not(unix))]
pub(super) fn read(_: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A terminal without echo. Ctrl-C arrives as a byte, so that the echo always returns.
#[cfg(unix)]
struct Silent {
    terminal: std::fs::File,
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl Silent {
    fn new(terminal: std::fs::File) -> io::Result<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};

        let before = tcgetattr(&terminal)?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
        restore_on_signal(terminal.try_clone()?, before.clone())?;
        tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

#[cfg(unix)]
impl Drop for Silent {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};

        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(&self.terminal, OptionalActions::Flush, &self.before);
    }
}

/// Restores the terminal before a signal ends the program.
#[cfg(unix)]
fn restore_on_signal(terminal: std::fs::File, before: rustix::termios::Termios) -> io::Result<()> {
    use rustix::termios::{OptionalActions, tcsetattr};
    use tokio::signal::unix::{SignalKind, signal};

    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let context = runtime.enter();
    let mut hangup = signal(SignalKind::hangup())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    drop(context);
    std::thread::spawn(move || {
        let number = runtime.block_on(async {
            tokio::select! {
                _ = hangup.recv() => 1,
                _ = interrupt.recv() => 2,
                _ = terminate.recv() => 15,
            }
        });
        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(&terminal, OptionalActions::Flush, &before);
        // As shells show the end by a signal.
        std::process::exit(128 + number);
    });
    Ok(())
}

/// The line so far.
struct Line {
    bytes: Zeroizing<Vec<u8>>,
}

impl Default for Line {
    fn default() -> Self {
        // Growing would leave copies behind that are not wiped.
        Self { bytes: Zeroizing::new(Vec::with_capacity(MAX_LINE_BYTES)) }
    }
}

/// The longest line. A terminal is no place for a larger value.
const MAX_LINE_BYTES: usize = 64 * 1024;

#[derive(Debug, Eq, PartialEq)]
enum Typed {
    More,
    End,
    Control,
    Stop,
}

impl Line {
    fn push(&mut self, byte: u8) -> Typed {
        match byte {
            b'\r' | b'\n' => return Typed::End,
            // Ctrl-D
            4 if !self.bytes.is_empty() => return Typed::End,
            // Ctrl-C, Ctrl-D
            3 | 4 => return Typed::Stop,
            // Backspace: the whole character.
            8 | 127 => while self.bytes.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {},
            // Ctrl-U
            21 => self.bytes.clear(),
            0..32 => return Typed::Control,
            _ if self.bytes.len() == MAX_LINE_BYTES => return Typed::Stop,
            byte => self.bytes.push(byte),
        }
        Typed::More
    }

    /// The value. `has_more` is whether other lines follow.
    fn finished(self, has_more: bool) -> io::Result<Zeroizing<Vec<u8>>> {
        if has_more {
            return Err(io::Error::other("it has several lines"));
        }
        if self.bytes.is_empty() {
            return Err(io::Error::other("it is empty"));
        }
        Ok(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(keys: &str) -> (Typed, String) {
        let mut line = Line::default();
        let mut last = Typed::More;
        for byte in keys.bytes() {
            last = line.push(byte);
            if last != Typed::More {
                break;
            }
        }
        (last, String::from_utf8(line.bytes.to_vec()).unwrap())
    }

    #[test]
    fn typed_line_can_be_corrected_and_stopped() {
        assert_eq!(typed("abc\r"), (Typed::End, "abc".to_owned()));
        assert_eq!(typed("aé\u{7f}b\n"), (Typed::End, "ab".to_owned()));
        assert_eq!(typed("abc\u{15}d\u{4}"), (Typed::End, "d".to_owned()));
        assert_eq!(typed("ab\u{3}c\r").0, Typed::Stop);
        assert_eq!(typed("\u{4}").0, Typed::Stop);
        assert_eq!(typed("ab\u{1b}[D\r"), (Typed::Control, "ab".to_owned()));
        assert_eq!(typed("\u{7f}a\r"), (Typed::End, "a".to_owned()));
    }

    #[test]
    fn empty_line_and_several_lines_are_errors() {
        let line = |text: &str| Line { bytes: Zeroizing::new(text.as_bytes().to_vec()) };
        assert_eq!(line("a").finished(false).unwrap().as_slice(), b"a");
        assert!(line("").finished(false).is_err());
        assert!(line("a").finished(true).is_err());
    }
}
