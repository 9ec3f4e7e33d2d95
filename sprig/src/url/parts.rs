//! The parts of a URL.

use gotemplate::Buffer;
use zeroize::Zeroize as _;

use super::escape::{Part, escape};

/// A URL in its parts. All parts except the query and the opaque part are unescaped.
#[derive(Default)]
pub(crate) struct Url {
    pub(crate) scheme: Vec<u8>,
    pub(crate) opaque: Vec<u8>,
    pub(crate) user: Option<User>,
    pub(crate) host: Vec<u8>,
    pub(crate) path: Vec<u8>,
    pub(crate) query: Vec<u8>,
    pub(crate) fragment: Vec<u8>,
}

/// The user name, and the password if there is one.
pub(crate) struct User {
    pub(crate) name: Vec<u8>,
    pub(crate) password: Option<Vec<u8>>,
}

impl Url {
    /// The host without its port and without the brackets of an IPv6 address.
    pub(crate) fn hostname(&self) -> &[u8] {
        let host = &self.host[..];
        let colon = host.iter().rposition(|byte| *byte == b':');
        let without_port = match colon {
            Some(at) if host[at + 1..].iter().all(u8::is_ascii_digit) => &host[..at],
            _ => host,
        };
        without_port
            .strip_prefix(b"[")
            .and_then(|inner| inner.strip_suffix(b"]"))
            .unwrap_or(without_port)
    }

    /// Writes the URL, with the necessary escapes.
    pub(crate) fn write(&self, buffer: &mut Buffer) {
        if !self.scheme.is_empty() {
            buffer.push(&self.scheme);
            buffer.push(":");
        }
        if self.opaque.is_empty() {
            self.write_hierarchy(buffer);
        } else {
            buffer.push(&self.opaque);
        }
        if !self.query.is_empty() {
            buffer.push("?");
            buffer.push(&self.query);
        }
        if !self.fragment.is_empty() {
            buffer.push("#");
            escape(buffer, &self.fragment, Part::Fragment);
        }
    }

    fn write_hierarchy(&self, buffer: &mut Buffer) {
        let has_authority = !self.host.is_empty() || self.user.is_some();
        if has_authority || (!self.scheme.is_empty() && !self.path.is_empty()) {
            buffer.push("//");
            if let Some(user) = &self.user {
                user.write(buffer);
                buffer.push("@");
            }
            escape(buffer, &self.host, Part::Host);
        }
        if !self.path.is_empty() && !self.path.starts_with(b"/") && !self.host.is_empty() {
            buffer.push("/");
        }
        let first = self.path.split(|byte| *byte == b'/').next().unwrap_or_default();
        if buffer.is_empty() && first.contains(&b':') {
            // Otherwise a parser would read it as a scheme.
            buffer.push("./");
        }
        if self.path == b"*" {
            buffer.push("*");
        } else {
            escape(buffer, &self.path, Part::Path);
        }
    }
}

impl User {
    pub(crate) fn write(&self, buffer: &mut Buffer) {
        escape(buffer, &self.name, Part::User);
        if let Some(password) = &self.password {
            buffer.push(":");
            escape(buffer, password, Part::User);
        }
    }
}

impl Drop for Url {
    fn drop(&mut self) {
        for part in [&mut self.opaque, &mut self.path, &mut self.query, &mut self.fragment] {
            part.zeroize();
        }
        if let Some(user) = &mut self.user {
            user.name.zeroize();
            user.password.zeroize();
        }
    }
}
