//! Structures: certificates, and times and versions where a verb does not suit them.

use super::printer::Printer;
use crate::{limits::Limit, semver::Version, time::Time, value::Value};

impl Printer<'_, '_> {
    pub(super) fn structure(
        &mut self,
        type_name: &str,
        fields: &[(&str, Value)],
        verb: char,
    ) -> Result<(), Limit> {
        let (go_syntax, separator, close) = self.brackets(type_name, ("{", " ", "}"), verb);
        self.buffer.push("{");
        for (index, (name, field)) in fields.iter().enumerate() {
            if index > 0 {
                self.buffer.push(separator);
            }
            if go_syntax || self.flags.field_names {
                self.buffer.push(name);
                self.buffer.push(":");
            }
            self.inner(field, verb, false)?;
        }
        self.buffer.push(close);
        Ok(())
    }

    /// A pointer to a version, or a version.
    pub(super) fn version(&mut self, version: &Version, verb: char) -> Result<(), Limit> {
        if version.is_pointer {
            self.buffer.push("&");
        }
        self.structure("semver.Version", &version.fields(), verb)
    }

    /// The fields of a time. Go's last one points to a zone: it is 0 here, as it is in UTC.
    pub(super) fn time(&mut self, time: &Time, verb: char) -> Result<(), Limit> {
        let (nanoseconds, seconds) = time.since_year_one();
        let numbers = [("wall", Value::Uint64(nanoseconds)), ("ext", Value::Int64(seconds))];
        self.buffer.push("{");
        for (name, number) in numbers {
            if self.flags.field_names {
                self.buffer.push(name);
                self.buffer.push(":");
            }
            self.inner(&number, verb, false)?;
            self.buffer.push(" ");
        }
        if self.flags.field_names {
            self.buffer.push("loc:");
        }
        match verb {
            'b' | 'o' | 'd' | 'x' | 'X' => self.inner(&Value::Uint64(0), verb, false)?,
            'v' | 's' => self.pad(b"<nil>")?,
            _ => self.complain(verb, time.location()),
        }
        self.buffer.push("}");
        Ok(())
    }
}
