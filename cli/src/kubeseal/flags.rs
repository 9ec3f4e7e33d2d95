//! Reads arguments and variables as the original's parser does (pflag): `--flag value`,
//! `--flag=value`, `-f value`, `-fvalue`. The last value counts, lists add up, the command line wins over
//! variables, and other arguments are ignored.

use std::{collections::BTreeMap, ffi::OsString};

use sealing::Scope;

use super::{
    error::FlagError,
    flag::{self, FLAGS, Flag, ValueKind},
    timeout,
};

/// The flags that are set, with their values.
#[derive(Default)]
pub(super) struct Flags {
    values: BTreeMap<&'static str, Vec<String>>,
}

impl Flags {
    /// Reads the variables, then the arguments.
    pub(super) fn parse(
        arguments: &[OsString],
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, FlagError> {
        let mut flags = Self::default();
        for flag in &FLAGS {
            let Some(name) = flag.variable() else { continue };
            let Some(value) = variable(&name) else { continue };
            let problem = |problem| FlagError::Variable { variable: name.clone(), problem };
            let value = value.into_string().map_err(|_| problem("it is not UTF-8".to_owned()))?;
            flags.set(flag, value).map_err(problem)?;
        }
        flags.read(arguments)?;
        Ok(flags)
    }

    /// Whether a flag without a value is set.
    pub(super) fn is_set(&self, name: &str) -> bool {
        parse_bool(self.text(name)) == Some(true)
    }

    /// The value of a flag. Empty if it is not set.
    pub(super) fn text(&self, name: &str) -> &str {
        debug_assert!(flag::by_name(name).is_some(), "{name}");
        self.list(name).last().map_or("", String::as_str)
    }

    /// The value of a flag, if it is not empty.
    pub(super) fn some(&self, name: &str) -> Option<String> {
        Some(self.text(name).to_owned()).filter(|text| !text.is_empty())
    }

    /// The values of a list.
    pub(super) fn list(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    fn read(&mut self, arguments: &[OsString]) -> Result<(), FlagError> {
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut next = || arguments.next().map(text).transpose();
            let argument = text(argument)?;
            match argument.strip_prefix("--") {
                Some("") => break,
                Some(long) => self.long(long, &argument, &mut next)?,
                None if argument.len() > 1 && argument.starts_with('-') => {
                    self.letters(&argument[1..], &mut next)?;
                }
                None => {}
            }
        }
        Ok(())
    }

    fn long(
        &mut self,
        long: &str,
        argument: &str,
        next: &mut impl FnMut() -> Result<Option<String>, FlagError>,
    ) -> Result<(), FlagError> {
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (long, None),
        };
        if name.is_empty() || name.starts_with('-') {
            return Err(FlagError::Syntax { argument: argument.to_owned() });
        }
        let flag =
            flag::by_name(name).ok_or_else(|| FlagError::Unknown { name: name.to_owned() })?;
        let value = match (value, flag.value) {
            (Some(value), _) => value,
            (None, ValueKind::Bool) => "true".to_owned(),
            (None, _) => {
                next()?.ok_or_else(|| FlagError::NoValue { argument: format!("--{name}") })?
            }
        };
        self.set_from_argument(flag, value)
    }

    fn letters(
        &mut self,
        letters: &str,
        next: &mut impl FnMut() -> Result<Option<String>, FlagError>,
    ) -> Result<(), FlagError> {
        let mut rest = letters;
        while let Some(letter) = rest.chars().next() {
            let group = rest;
            rest = &rest[letter.len_utf8()..];
            let flag = flag::by_letter(letter)
                .ok_or_else(|| FlagError::UnknownLetter { letter, argument: group.to_owned() })?;
            let value = match rest.strip_prefix('=') {
                Some(value) => {
                    rest = "";
                    value.to_owned()
                }
                None if flag.value == ValueKind::Bool => "true".to_owned(),
                None if !rest.is_empty() => std::mem::take(&mut rest).to_owned(),
                None => next()?.ok_or_else(|| FlagError::NoValue {
                    argument: format!("'{letter}' in -{group}"),
                })?,
            };
            self.set_from_argument(flag, value)?;
        }
        Ok(())
    }

    fn set_from_argument(&mut self, flag: &'static Flag, value: String) -> Result<(), FlagError> {
        self.set(flag, value.clone()).map_err(|problem| FlagError::Value {
            value,
            flag: flag.quoted(),
            problem,
        })
    }

    fn set(&mut self, flag: &'static Flag, value: String) -> Result<(), String> {
        check(flag, &value)?;
        let values = self.values.entry(flag.name).or_default();
        match flag.value {
            ValueKind::Bool | ValueKind::Text(_) => *values = vec![value],
            ValueKind::List(_) if flag.name == "recovery-private-key" => {
                values.extend(value.split(',').map(str::to_owned));
            }
            ValueKind::List(_) => values.push(value),
        }
        Ok(())
    }
}

fn text(argument: &OsString) -> Result<String, FlagError> {
    argument.clone().into_string().map_err(|_| FlagError::NotUtf8)
}

/// Checks values that not every text is. An empty text is the default.
fn check(flag: &Flag, value: &str) -> Result<(), String> {
    let is_valid = match flag.name {
        _ if flag.value == ValueKind::Bool => {
            if parse_bool(value).is_none() {
                return Err("it is either true or false".to_owned());
            }
            true
        }
        "scope" if !value.is_empty() && value.parse::<Scope>().is_err() => {
            return Err("must be one of: strict, namespace-wide, cluster-wide".to_owned());
        }
        "request-timeout" => timeout::parse(value).is_ok(),
        "v" => value.parse::<i32>().is_ok(),
        _ => true,
    };
    match flag.name {
        _ if is_valid => Ok(()),
        "v" => Err("it is not a number".to_owned()),
        _ => Err("it is not a duration such as 5s or 1m30s".to_owned()),
    }
}

/// As Go's `strconv.ParseBool`. An empty text is false.
fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
