//! From a tree and a value to bytes.

mod argument;
mod field;
mod walk;

use self::walk::Evaluator;
use crate::{
    context::Context,
    error::{Failure, RenderErrorKind},
    limits::Limit,
    template::{Rendered, Template},
    value::Value,
};

/// What went wrong, and at which byte of the template's text.
pub(crate) struct Raised {
    pub(crate) at: u32,
    pub(crate) kind: Box<RenderErrorKind>,
}

type Evaluated<T> = Result<T, Raised>;

/// Renders `template` with `data` as its dot.
pub(crate) fn evaluate(
    template: &Template,
    data: &Value,
    context: Context<'_>,
) -> Evaluated<Rendered> {
    let mut evaluator = Evaluator::new(template, context);
    evaluator.template(&template.name, data.clone(), 0)?;
    Ok(evaluator.finish())
}

fn raise<T>(at: u32, kind: RenderErrorKind) -> Evaluated<T> {
    Err(Raised { at, kind: Box::new(kind) })
}

/// Adds the place to what has gone wrong.
trait At<T> {
    fn at(self, at: u32) -> Evaluated<T>;
}

impl<T> At<T> for Result<T, Limit> {
    fn at(self, at: u32) -> Evaluated<T> {
        self.or_else(|limit| raise(at, RenderErrorKind::Limit(limit)))
    }
}

impl<T> At<T> for Result<T, (&'static str, Failure)> {
    fn at(self, at: u32) -> Evaluated<T> {
        self.or_else(|(function, failure)| match failure {
            Failure::Limit(limit) => raise(at, RenderErrorKind::Limit(limit)),
            Failure::Because(reason) => raise(at, RenderErrorKind::Function { function, reason }),
        })
    }
}
