//! Semantic versions.

use gotemplate::{Failure, Function, Parameter::Text, Value};

use crate::semver::{Constraint, Version};

pub(super) static FUNCTIONS: &[Function] = &[
    Function::new("semver", &[Text], |_, a| Ok(Value::from_object(version(a.text(0)?)?))),
    Function::new("semverCompare", &[Text, Text], |c, a| {
        let (constraint, text) = (a.text(0)?, a.text(1)?);
        c.meter.steps((constraint.len() + text.len()) as u64)?;
        // A condition takes far more than its text.
        c.meter.bytes(constraint.len().saturating_mul(24))?;
        let constraint = str::from_utf8(constraint).ok().and_then(Constraint::parse);
        let constraint = constraint.ok_or("the constraint is malformed")?;
        Ok(Value::Bool(constraint.allows(&version(text)?)))
    }),
];

fn version(text: &[u8]) -> Result<Version, Failure> {
    let version = str::from_utf8(text).ok().and_then(Version::parse);
    version.ok_or(Failure::Because("the version is malformed"))
}
