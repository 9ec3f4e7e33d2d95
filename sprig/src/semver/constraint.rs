//! Constraints like `>=1.2, <2 || ^3`.

use std::{cmp::Ordering, sync::LazyLock};

use regex::{Captures, Regex};

use super::version::{Version, compare_prereleases};

/// Alternatives. Each is a list of conditions that must all be true.
pub(crate) struct Constraint(Vec<Vec<Condition>>);

struct Condition {
    operator: Operator,
    version: Version,
    /// The stated parts. Missing parts, `x` and `*` match any number.
    given: Given,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Tilde,
    Caret,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Given {
    Nothing,
    Major,
    Minor,
    Whole,
}

/// A version, parts of which may be free.
const VERSION: &str = concat!(
    r"v?([0-9|xX*]+)(\.[0-9|xX*]+)?(\.[0-9|xX*]+)?",
    r"(-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    r"(\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
);

/// `1.2 - 1.4`
static RANGE: LazyLock<Regex> = LazyLock::new(|| {
    let range = format!(r"(?-u:\s)*({VERSION})(?-u:\s)+-(?-u:\s)+({VERSION})(?-u:\s)*");
    Regex::new(&range).expect("a pattern of ours")
});

static CONDITION: LazyLock<Regex> = LazyLock::new(|| {
    let operators = r"!=|>=|=>|<=|=<|~>|[=><~^]|";
    let condition = format!(r"^(?-u:\s)*({operators})(?-u:\s)*{VERSION}((?-u:\s)*)(,?)");
    Regex::new(&condition).expect("a pattern of ours")
});

impl Constraint {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // In one pass: a text may have as many ranges as its length allows.
        let rewritten = RANGE.replace_all(text, |range: &Captures<'_>| {
            format!(">= {}, <= {} ", &range[1], &range[7])
        });
        rewritten.split("||").map(conditions).collect::<Option<_>>().map(Self)
    }

    pub(crate) fn allows(&self, version: &Version) -> bool {
        self.0.iter().any(|all| all.iter().all(|condition| condition.allows(version)))
    }
}

/// Conditions with spaces or commas between them.
fn conditions(text: &str) -> Option<Vec<Condition>> {
    let mut rest = text;
    let mut conditions = Vec::new();
    loop {
        let found = CONDITION.captures(rest)?;
        let part = |index: usize| found.get(index).map_or("", |part| part.as_str());
        conditions.push(Condition::new(part(1), [part(2), part(3), part(4)], part(5))?);
        rest = &rest[found[0].len()..];
        let (space, comma) = (part(7), part(8));
        match rest.is_empty() {
            true if comma.is_empty() => return Some(conditions),
            false if !(space.is_empty() && comma.is_empty()) => {}
            _ => return None,
        }
    }
}

impl Condition {
    fn new(operator: &str, numbers: [&str; 3], prerelease: &str) -> Option<Self> {
        let operator = match operator {
            "" | "=" => Operator::Equal,
            "!=" => Operator::NotEqual,
            ">" => Operator::Greater,
            "<" => Operator::Less,
            ">=" | "=>" => Operator::GreaterOrEqual,
            "<=" | "=<" => Operator::LessOrEqual,
            "~" | "~>" => Operator::Tilde,
            _ => Operator::Caret,
        };
        let is_free = |part: &str| matches!(part.trim_start_matches('.'), "" | "x" | "X" | "*");
        let [major, minor, patch] = numbers;
        let (given, numbers) = match () {
            () if is_free(major) => (Given::Nothing, "0.0.0".to_owned()),
            () if is_free(minor) => (Given::Major, format!("{major}.0.0")),
            () if is_free(patch) => (Given::Minor, format!("{major}{minor}.0")),
            () => (Given::Whole, format!("{major}{minor}{patch}")),
        };
        let version = Version::parse(&(numbers + prerelease))?;
        Some(Self { operator, version, given })
    }

    fn allows(&self, version: &Version) -> bool {
        let wanted = &self.version;
        let is_unasked = !version.prerelease.is_empty() && wanted.prerelease.is_empty();
        let order = version.compare(wanted);
        if self.operator == Operator::NotEqual && self.given == Given::Whole {
            return order != Ordering::Equal;
        }
        // A prerelease counts only if the constraint names one.
        if is_unasked {
            return false;
        }
        match self.operator {
            Operator::Equal if self.given == Given::Whole => order == Ordering::Equal,
            Operator::Equal | Operator::Tilde => self.tilde(version, order),
            Operator::NotEqual => self.differs(version),
            Operator::Greater => self.is_exceeded(version, order),
            Operator::Less => order == Ordering::Less,
            Operator::GreaterOrEqual => order != Ordering::Less,
            Operator::LessOrEqual if self.given == Given::Whole => order != Ordering::Greater,
            Operator::LessOrEqual => {
                version.major <= wanted.major
                    && !(version.major == wanted.major
                        && version.minor > wanted.minor
                        && self.given != Given::Major)
            }
            Operator::Caret => self.caret(version, order),
        }
    }

    fn differs(&self, version: &Version) -> bool {
        let wanted = &self.version;
        if wanted.major != version.major {
            return true;
        }
        if self.given == Given::Major {
            return false;
        }
        if wanted.minor != version.minor {
            return true;
        }
        if self.given == Given::Minor {
            let prereleases = compare_prereleases(&version.prerelease, &wanted.prerelease);
            return prereleases != Ordering::Equal;
        }
        wanted.patch != version.patch || version.compare(wanted) != Ordering::Equal
    }

    /// `>1` means `>=2`, and `>1.2` means `>=1.3`.
    fn is_exceeded(&self, version: &Version, order: Ordering) -> bool {
        match (version.major.cmp(&self.version.major), self.given) {
            (Ordering::Equal, Given::Major) => false,
            (Ordering::Equal, Given::Minor) => version.minor > self.version.minor,
            (_, Given::Whole) | (Ordering::Equal, Given::Nothing) => order == Ordering::Greater,
            (majors, _) => majors == Ordering::Greater,
        }
    }

    /// The given parts stay, up to the minor version.
    fn tilde(&self, version: &Version, order: Ordering) -> bool {
        let wanted = &self.version;
        let is_zero = (wanted.major, wanted.minor, wanted.patch) == (0, 0, 0);
        if order == Ordering::Less {
            return false;
        }
        if is_zero && matches!(self.given, Given::Nothing | Given::Whole) {
            return true;
        }
        version.major == wanted.major
            && (version.minor == wanted.minor || self.given == Given::Major)
    }

    /// The first number that is not zero stays.
    fn caret(&self, version: &Version, order: Ordering) -> bool {
        let wanted = &self.version;
        match () {
            () if order == Ordering::Less => false,
            () if wanted.major > 0 || self.given == Given::Major => version.major == wanted.major,
            () if version.major > 0 => false,
            () if wanted.minor > 0 || self.given == Given::Minor => version.minor == wanted.minor,
            () if version.minor > 0 => false,
            () => version.patch == wanted.patch,
        }
    }
}
