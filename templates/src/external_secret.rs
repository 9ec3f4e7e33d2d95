//! Renders the data, labels and annotations of the Secret of an ExternalSecret, from the provider's
//! values and the templates of `spec.target.template`, as External Secrets' engine `v2` does.
//!
//! A template sees only the values. A missing key is an error. `data` wins over `templateFrom`, and a
//! later source wins over an earlier one. The Secret contains the values themselves if no template
//! renders data, or with `mergePolicy: Merge`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use gotemplate::{
    Buffer, Context, Dialect, Environment, Failure, Limit, Meter, ParseError, ParseErrorKind,
    RenderError, RenderErrorKind, Template, Text, Value,
};
use zeroize::Zeroizing;

use crate::sealed_secret::Values;

/// `spec.target.template`, with the texts of its references.
#[derive(Clone, Debug, Default)]
pub struct Target {
    /// `mergePolicy: Merge`
    pub merge: bool,
    /// `templateFrom`, in its order.
    pub from: Vec<Source>,
    /// `data`
    pub data: BTreeMap<String, String>,
    /// `metadata.labels`
    pub labels: BTreeMap<String, String>,
    /// `metadata.annotations`
    pub annotations: BTreeMap<String, String>,
}

/// Templates of one ConfigMap, one Secret or one literal.
#[derive(Clone, Debug)]
pub struct Source {
    /// The templates, in order. The later of two with the same key counts.
    pub templates: Vec<SourceTemplate>,
    /// `target`
    pub field: Field,
    /// `valuesDecodingStrategy`
    pub decoding: Decoding,
}

/// A template of a [`Source`].
#[derive(Clone, Debug)]
pub struct SourceTemplate {
    /// Its key in the source.
    pub key: String,
    /// The template.
    pub text: String,
    /// The kind of its output.
    pub scope: Scope,
}

/// The kind of output of a template of a [`Source`] (`templateAs`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Scope {
    /// A value.
    #[default]
    Values,
    /// YAML: a map of keys to values.
    KeysAndValues,
}

/// The field of the Secret that rendered values are written to.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum Field {
    /// `data`
    #[default]
    Data,
    /// `metadata.annotations`
    Annotations,
    /// `metadata.labels`
    Labels,
}

impl Field {
    /// Parses the name, ignoring case. An empty name means `Data`.
    pub fn parse(name: &str) -> Option<Self> {
        match name.to_lowercase().as_str() {
            "" | "data" => Some(Self::Data),
            "annotations" => Some(Self::Annotations),
            "labels" => Some(Self::Labels),
            _ => None,
        }
    }
}

/// How a value is decoded.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Decoding {
    /// Not at all.
    #[default]
    None,
    /// RFC 4648 §4.
    Base64,
    /// RFC 4648 §5.
    Base64Url,
    /// The first of both that decodes the value, or neither.
    Auto,
}

impl Decoding {
    /// Parses the name. An empty name means `None`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "" | "None" => Some(Self::None),
            "Base64" => Some(Self::Base64),
            "Base64URL" => Some(Self::Base64Url),
            "Auto" => Some(Self::Auto),
            _ => None,
        }
    }

    /// Decodes a value. `None` if it is malformed.
    pub fn decode(self, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let standard = |value: &[u8]| sprig::decode_base64(value).map(Buffer::into_bytes);
        let url = |value: &[u8]| {
            if value.iter().any(|byte| b"+/".contains(byte)) {
                return None;
            }
            let swapped = value.iter().map(|byte| match byte {
                b'-' => b'+',
                b'_' => b'/',
                other => *other,
            });
            standard(&Zeroizing::new(swapped.collect::<Vec<_>>()))
        };
        match self {
            Self::None => Some(Zeroizing::new(value.to_vec())),
            Self::Base64 => standard(value),
            Self::Base64Url => url(value),
            Self::Auto => standard(value)
                .or_else(|| url(value))
                .or_else(|| Some(Zeroizing::new(value.to_vec()))),
        }
    }
}

/// The rendered parts of the Secret.
pub struct Rendered {
    /// Its data.
    pub data: Values,
    /// Its labels. They need not be valid.
    pub labels: BTreeMap<String, Zeroizing<String>>,
    /// Its annotations.
    pub annotations: BTreeMap<String, Zeroizing<String>>,
    /// The fields and keys whose values differ each time.
    pub random: BTreeSet<(Field, String)>,
}

/// Why the templates of an object could not be rendered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{cause}")]
pub struct Error {
    /// The template that failed.
    pub place: Place,
    /// The kind of error.
    pub cause: Cause,
}

/// The place of a template in `spec.target.template`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Place {
    /// `data`, `metadata.labels` or `metadata.annotations`, and the key.
    Key(Field, String),
    /// `templateFrom`: its index, and the key within.
    From(usize, String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(Field::Data, key) => write!(f, "data[{key}]"),
            Self::Key(Field::Labels, key) => write!(f, "metadata.labels[{key}]"),
            Self::Key(Field::Annotations, key) => write!(f, "metadata.annotations[{key}]"),
            Self::From(index, key) => write!(f, "templateFrom[{index}], {key}"),
        }
    }
}

/// The kinds of errors of a template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Cause {
    /// It cannot be parsed.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It cannot be rendered with these values.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The output is not a map of keys to values.
    #[error("the output is not a YAML map of strings: {0}")]
    NotKeysAndValues(&'static str),
    /// The output cannot be decoded.
    #[error("the output cannot be decoded by its decoding strategy")]
    NotEncoded,
    /// A label or an annotation that is not UTF-8.
    #[error("the output is not UTF-8")]
    NotText,
    /// A limit was exhausted outside a template.
    #[error("{0}")]
    Limit(Limit),
}

impl Error {
    /// The limit that was exhausted.
    pub fn limit(&self) -> Option<Limit> {
        match &self.cause {
            Cause::Parse(ParseError { kind: ParseErrorKind::Limit(limit), .. })
            | Cause::Render(RenderError { kind: RenderErrorKind::Limit(limit), .. })
            | Cause::Limit(limit) => Some(*limit),
            _ => None,
        }
    }
}

/// Renders the templates of one object with the delimiters of `dialect`. The limit `output` applies to
/// all of them together.
///
/// # Errors
/// The error of the first template that cannot be rendered. It contains no value.
pub fn render(
    target: &Target,
    values: Values,
    dialect: &Dialect,
    environment: Environment<'_>,
) -> Result<Rendered, Error> {
    let strings = values.iter().map(|(key, value)| (Text::from(&**key), Text::from(&***value)));
    let mut renderer = Renderer {
        dialect,
        context: Value::strings(strings),
        account: environment.meter(),
        environment,
        fields: BTreeMap::new(),
        random: BTreeSet::new(),
    };
    if target.merge || target.data.is_empty() && target.from.is_empty() {
        renderer.fields.insert(Field::Data, values);
    }
    for (index, source) in target.from.iter().enumerate() {
        for SourceTemplate { key, text, scope } in &source.templates {
            let place = Place::From(index, key.clone());
            renderer.source(key, text, *scope, source, &place)?;
        }
    }
    for (field, templates) in [
        (Field::Data, &target.data),
        (Field::Labels, &target.labels),
        (Field::Annotations, &target.annotations),
    ] {
        for (key, text) in templates {
            let place = Place::Key(field, key.clone());
            let (value, random) = renderer.render(key, text, &place)?;
            renderer.set(field, key.clone(), value, random, &place)?;
        }
    }
    let mut field = |field| renderer.fields.remove(&field).unwrap_or_default();
    let (data, labels, annotations) =
        (field(Field::Data), field(Field::Labels), field(Field::Annotations));
    let text = |values: Values| values.into_iter().map(|(key, value)| (key, to_text(value)));
    Ok(Rendered {
        data,
        labels: text(labels).collect(),
        annotations: text(annotations).collect(),
        random: renderer.random,
    })
}

struct Renderer<'d, 'e> {
    dialect: &'d Dialect,
    context: Value,
    environment: Environment<'e>,
    /// Holds the output until the last template is rendered.
    account: Meter<'e>,
    fields: BTreeMap<Field, Values>,
    random: BTreeSet<(Field, String)>,
}

impl Renderer<'_, '_> {
    fn source(
        &mut self,
        key: &str,
        text: &str,
        scope: Scope,
        source: &Source,
        place: &Place,
    ) -> Result<(), Error> {
        let raise = |cause| Error { place: place.clone(), cause };
        let decode =
            |value: &[u8]| source.decoding.decode(value).ok_or_else(|| raise(Cause::NotEncoded));
        let (output, random) = self.render(key, text, place)?;
        if scope == Scope::Values {
            return self.set(source.field, key.to_owned(), decode(&output)?, random, place);
        }
        let entries = {
            let mut context = Context::new(self.environment.reborrow());
            sprig::yaml::decode_strings(&mut context.meter, &output)
        };
        let entries = entries.map_err(|error| {
            raise(match error {
                Failure::Because(reason) => Cause::NotKeysAndValues(reason),
                Failure::Limit(limit) => Cause::Limit(limit),
            })
        })?;
        for (key, value) in entries {
            self.set(source.field, key, decode(&value)?, random, place)?;
        }
        Ok(())
    }

    /// The output of a template, and whether it differs each time.
    fn render(
        &mut self,
        name: &str,
        text: &str,
        place: &Place,
    ) -> Result<(Zeroizing<Vec<u8>>, bool), Error> {
        let raise = |cause| Error { place: place.clone(), cause };
        let mut parsing = self.environment.meter();
        let template = Template::parse_within(&mut parsing, name, text, self.dialect);
        let template = template.map_err(|error| raise(error.into()))?;
        let rendered = template.render(&self.context, self.environment.reborrow());
        let rendered = rendered.map_err(|error| raise(error.into()))?;
        let len = rendered.output.len();
        self.environment.limits.output -= len;
        self.account.bytes(len).map_err(|limit| raise(Cause::Limit(limit)))?;
        Ok((rendered.output, rendered.non_deterministic))
    }

    fn set(
        &mut self,
        field: Field,
        key: String,
        value: Zeroizing<Vec<u8>>,
        random: bool,
        place: &Place,
    ) -> Result<(), Error> {
        if field != Field::Data && str::from_utf8(&value).is_err() {
            return Err(Error { place: place.clone(), cause: Cause::NotText });
        }
        let mark = (field, key.clone());
        if random {
            self.random.insert(mark);
        } else {
            self.random.remove(&mark);
        }
        self.fields.entry(field).or_default().insert(key, value);
        Ok(())
    }
}

/// Bytes as text. The caller has checked that they are UTF-8.
fn to_text(mut bytes: Zeroizing<Vec<u8>>) -> Zeroizing<String> {
    Zeroizing::new(String::from_utf8(std::mem::take(&mut *bytes)).unwrap_or_default())
}

#[cfg(test)]
mod tests;
