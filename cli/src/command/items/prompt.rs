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
            Typed::End => break Ok(line.bytes),
            Typed::Stop => break Err(io::ErrorKind::Interrupted.into()),
        }
    };
    terminal.write_all(b"\r\n")?;
    value
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
        tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

#[cfg(unix)]
impl Drop for Silent {
    fn drop(&mut self) {
        use rustix::termios::{OptionalActions, tcsetattr};

        // Nothing can be done about a terminal that is gone.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
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
            _ if self.bytes.len() == MAX_LINE_BYTES => return Typed::Stop,
            byte => self.bytes.push(byte),
        }
        Typed::More
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
        assert_eq!(typed("\u{7f}a\r"), (Typed::End, "a".to_owned()));
    }
}
