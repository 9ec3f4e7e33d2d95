//! Errors. An error contains a position and a kind, in fixed words and names from the template's
//! text, and never a value.

use crate::limits::Limit;

/// Why a text is not a valid template.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct ParseError {
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
    /// The kind of error.
    pub kind: ParseErrorKind,
}

/// The kinds of errors in a text.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ParseErrorKind {
    /// A `{{` without its `}}`.
    #[error("unclosed action")]
    UnclosedAction,
    /// A comment that does not end, or does not end right before the closing delimiter.
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
        /// The kind of token.
        found: &'static str,
        /// Its place.
        context: &'static str,
    },
    /// An action without a value.
    #[error("missing value for {0}")]
    MissingValue(&'static str),
    /// `(` and `)` do not match.
    #[error("unbalanced parentheses")]
    UnbalancedParentheses,
    /// The text ends before an `{{end}}`.
    #[error("{0} without {{{{end}}}}")]
    MissingEnd(&'static str),
    /// The dialect has no function of this name.
    #[error("function {0:?} is not defined")]
    UnknownFunction(Box<str>),
    /// No variable of this name is visible here.
    #[error("variable {0:?} is not defined")]
    UndefinedVariable(Box<str>),
    /// A declaration with more variables than the action has values.
    #[error("too many variables in a declaration")]
    TooManyVariables,
    /// A constant after `|`.
    #[error("a constant cannot follow a pipe")]
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
    /// Too many nested parentheses or control structures.
    #[error("nested too deeply")]
    TooDeep,
    /// The text exceeds the size limit for templates.
    #[error("the template is too large")]
    TooLarge,
    /// A limit is exhausted.
    #[error("{0}")]
    Limit(Limit),
}

/// Why a template could not be rendered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}, column {column}: {kind}")]
pub struct RenderError {
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
    /// The kind of error.
    pub kind: RenderErrorKind,
}

/// The kinds of errors in a rendering.
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
    #[error("{function}: an argument has the type {found}, expected {expected}")]
    ArgumentType {
        /// The function.
        function: &'static str,
        /// The type of its parameter.
        expected: &'static str,
        /// The type of the argument.
        found: &'static str,
    },
    /// The map has no such key, which is an error in this dialect.
    #[error("the map has no key {0:?}")]
    MissingKey(Box<str>),
    /// The template reads a field of a value that has none.
    #[error("{found} has no field {field:?}")]
    NoField {
        /// Its type.
        found: &'static str,
        /// The field.
        field: Box<str>,
    },
    /// The template passes arguments to a value that is not a function.
    #[error("only functions and methods take arguments")]
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
    #[error("range over a number takes one variable")]
    TooManyVariables,
    /// The template reads or assigns a variable before its declaration.
    #[error("the variable is not declared")]
    UndefinedVariable,
    /// No template of this name is defined.
    #[error("template {0:?} is not defined")]
    UndefinedTemplate(Box<str>),
    /// A limit is exhausted.
    #[error("{0}")]
    Limit(#[from] Limit),
}

/// Why a function failed. The evaluator adds the name of the function, and the position.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failure {
    /// A limit is exhausted.
    Limit(Limit),
    /// The reason, in words that depend on no value.
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
