//! The data, labels and annotations of the Secret that an ExternalSecret describes: the values of the
//! provider, and what the templates of `spec.target.template` make of them, as External Secrets does
//! with its engine `v2`.
//!
//! A template sees the values, and no other template. A key that they have not is an error. What stands
//! in `data` wins over what comes from elsewhere, of which the later wins; the values themselves are in
//! the Secret if no template makes data, or if they are to be merged.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use zeroize::Zeroizing;

use crate::{
    Dialect, Environment, Limit, ParseError, RenderError, RenderErrorKind, Template, Text, Value,
    context::Context, error::Failure, radix::BASE64, sealed_secret::Values, yaml,
};

/// What `spec.target.template` says, with the texts it refers to.
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
    /// The templates, in their order: of the same key, the later counts.
    pub templates: Vec<SourceTemplate>,
    /// `target`
    pub field: Field,
    /// `valuesDecodingStrategy`
    pub decoding: Decoding,
}

/// A template of a [`Source`].
#[derive(Clone, Debug)]
pub struct SourceTemplate {
    /// Its key there.
    pub key: String,
    /// The template.
    pub text: String,
    /// How it is meant.
    pub scope: Scope,
}

/// What a template of a [`Source`] makes (`templateAs`).
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Scope {
    /// A value.
    #[default]
    Values,
    /// YAML: a map of keys to values.
    KeysAndValues,
}

/// Where rendered values go.
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
    /// By its name, in upper or lower case. Nothing means `Data`.
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
    /// One of both if it can be, else not at all.
    Auto,
}

impl Decoding {
    /// By its name. Nothing means `None`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "" | "None" => Some(Self::None),
            "Base64" => Some(Self::Base64),
            "Base64URL" => Some(Self::Base64Url),
            "Auto" => Some(Self::Auto),
            _ => None,
        }
    }

    /// Decodes a value. None if it is not what it should be.
    pub fn decode(self, value: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let standard = |value: &[u8]| Some(BASE64.decode(value).ok()?.into_bytes());
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

/// What the Secret gets.
pub struct Rendered {
    /// Its data.
    pub data: Values,
    /// Its labels. They need not be valid.
    pub labels: BTreeMap<String, Zeroizing<String>>,
    /// Its annotations.
    pub annotations: BTreeMap<String, Zeroizing<String>>,
    /// The fields and keys of what would be something else the next time.
    pub random: BTreeSet<(Field, String)>,
}

/// Why there is nothing for the Secret.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{cause}")]
pub struct Error {
    /// Which template is at fault.
    pub place: Place,
    /// What is wrong with it.
    pub cause: Cause,
}

/// Where a template stands in `spec.target.template`.
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

/// What is wrong with a template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Cause {
    /// It is none.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// It cannot be rendered with these values.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// What it renders to is not a map of keys to values.
    #[error("it should render to keys and values in YAML: {0}")]
    NotKeysAndValues(&'static str),
    /// What it renders to cannot be decoded.
    #[error("what it renders to is not encoded as its decoding strategy says")]
    NotEncoded,
    /// A label or an annotation that is not UTF-8.
    #[error("what it renders to is not UTF-8")]
    NotText,
    /// A limit that is not of one template.
    #[error("{0}")]
    Limit(Limit),
}

impl Error {
    /// Whether a limit was exhausted.
    pub fn is_limit(&self) -> bool {
        match &self.cause {
            Cause::Limit(_) => true,
            Cause::Render(error) => matches!(error.kind, RenderErrorKind::Limit(_)),
            _ => false,
        }
    }
}

/// Renders the templates of one object with the delimiters of `dialect`. Of the limits, `output` is for
/// all of them together.
///
/// # Errors
/// That of the first template that cannot be rendered. It tells no value.
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
            let mut context = Context::new(self.environment());
            yaml::decode_strings(&mut context.meter, &output)
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

    /// The output of a template, and whether it is another one each time.
    fn render(
        &mut self,
        name: &str,
        text: &str,
        place: &Place,
    ) -> Result<(Zeroizing<Vec<u8>>, bool), Error> {
        let raise = |cause| Error { place: place.clone(), cause };
        let template =
            Template::parse(name, text, self.dialect).map_err(|error| raise(error.into()))?;
        let context = self.context.clone();
        let rendered =
            template.render(&context, self.environment()).map_err(|error| raise(error.into()))?;
        self.environment.limits.output -= rendered.output.len();
        Ok((rendered.output, rendered.non_deterministic))
    }

    fn environment(&mut self) -> Environment<'_> {
        let Environment { now, random, limits, interrupted } = &mut self.environment;
        Environment { now: *now, random: &mut **random, limits: *limits, interrupted: *interrupted }
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

/// The text of bytes that are known to be UTF-8.
fn to_text(mut bytes: Zeroizing<Vec<u8>>) -> Zeroizing<String> {
    Zeroizing::new(String::from_utf8(std::mem::take(&mut *bytes)).unwrap_or_default())
}

#[cfg(test)]
mod tests;
