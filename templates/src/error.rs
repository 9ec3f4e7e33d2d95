//! What goes wrong. An error tells a place and a kind: words of ours and names that stand in the
//! template's text, never a value.

use crate::limits::Limit;

/// Why a text is no template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
    /// What is wrong.
    pub kind: ParseErrorKind,
}

/// What is wrong with a text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseErrorKind {
    /// A `{{` without its `}}`.
    #[error("unclosed action")]
    UnclosedAction,
    /// A comment that does not end, or not right before the closing delimiter.
    #[error("unclosed comment")]
    UnclosedComment,
    /// A string without its closing quote on the same line.
    #[error("unterminated string")]
    UnterminatedString,
    /// A string or character with an escape that Go does not know.
    #[error("malformed string")]
    MalformedString,
    /// A number that Go cannot read.
    #[error("malformed number")]
    MalformedNumber,
    /// A character that no token begins or ends with.
    #[error("unexpected character")]
    UnexpectedCharacter,
    /// A token in the wrong place.
    #[error("unexpected {found} in {context}")]
    Unexpected {
        /// The sort of token.
        found: &'static str,
        /// Where it stands.
        context: &'static str,
    },
    /// An action without what it acts on.
    #[error("missing value for {0}")]
    MissingValue(&'static str),
    /// `(` and `)` do not match.
    #[error("unbalanced parentheses")]
    UnbalancedParentheses,
    /// The text ends before the `{{end}}` of something.
    #[error("{0} without {{{{end}}}}")]
    MissingEnd(&'static str),
    /// The dialect has no function of this name.
    #[error("function {0:?} is not defined")]
    UnknownFunction(Box<str>),
    /// No variable of this name is visible here.
    #[error("variable {0:?} is not defined")]
    UndefinedVariable(Box<str>),
    /// A declaration of more variables than the action has values for.
    #[error("too many variables are declared")]
    TooManyVariables,
    /// A constant behind `|`.
    #[error("a constant cannot take the value of a pipeline")]
    ConstantInPipeline,
    /// A field of a constant.
    #[error("a constant has no fields")]
    FieldOfConstant,
    /// `{{break}}` or `{{continue}}` outside `{{range}}`.
    #[error("{0} outside range")]
    OutsideRange(&'static str),
    /// Two templates have the same name.
    #[error("template {0:?} is defined twice")]
    DefinedTwice(Box<str>),
    /// Parentheses or control structures in each other, too many.
    #[error("nested too deeply")]
    TooDeep,
    /// The text is larger than templates may be.
    #[error("the template is too large")]
    TooLarge,
}

/// Why a template could not be rendered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct RenderError {
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
    /// What is wrong.
    pub kind: RenderErrorKind,
}

/// What went wrong in a rendering.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum RenderErrorKind {
    /// A function failed.
    #[error("{function}: {reason}")]
    Function {
        /// Its name.
        function: &'static str,
        /// Why, in words that depend on no value.
        reason: &'static str,
    },
    /// A function got too many or too few arguments.
    #[error("{0}: wrong number of arguments")]
    ArgumentCount(&'static str),
    /// An argument has the wrong type.
    #[error("{function}: an argument is {found}, and should be {expected}")]
    ArgumentType {
        /// The function.
        function: &'static str,
        /// The type of its parameter.
        expected: &'static str,
        /// The type it was given.
        found: &'static str,
    },
    /// The map has no such key, and the dialect wants it to have.
    #[error("no entry has the key {0:?}")]
    MissingKey(Box<str>),
    /// Something without fields was asked for one.
    #[error("{found} has no field {field:?}")]
    NoField {
        /// The type of it.
        found: &'static str,
        /// The field.
        field: Box<str>,
    },
    /// Something that is not a function was given arguments.
    #[error("what is not a function was given arguments")]
    NotAFunction,
    /// `{{nil}}`
    #[error("nil is not a command")]
    NilCommand,
    /// An integer constant that does not fit.
    #[error("an integer constant overflows")]
    Overflow,
    /// `range` over something that has no items.
    #[error("range cannot iterate over {0}")]
    NotIterable(&'static str),
    /// `range` over an integer has one variable.
    #[error("range over a number has one variable")]
    TooManyVariables,
    /// The variable is assigned to, or read, where it has not been declared.
    #[error("the variable is not declared")]
    UndefinedVariable,
    /// No template of this name is defined.
    #[error("template {0:?} is not defined")]
    UndefinedTemplate(Box<str>),
    /// A limit is exhausted.
    #[error("{0}")]
    Limit(#[from] Limit),
}

/// Why a function failed. The caller adds which one and where.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Failure {
    Limit(Limit),
    Because(&'static str),
}

impl From<Limit> for Failure {
    fn from(limit: Limit) -> Self {
        Self::Limit(limit)
    }
}

impl From<&'static str> for Failure {
    fn from(reason: &'static str) -> Self {
        Self::Because(reason)
    }
}
