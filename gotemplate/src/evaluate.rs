//! Evaluates a tree with a value to bytes.
//!
//! A node contains pipelines, whose operands may be pipelines: the evaluator is recursive.

mod argument;
mod field;
mod raised;
mod walk;

use self::walk::Evaluator;
use crate::{
    context::{Context, Environment},
    error::RenderError,
    template::{Rendered, Template, position},
    value::Value,
};

impl Template {
    /// Renders the template with `data` as its dot. Does not change the caller's lists and maps.
    pub fn render(
        &self,
        data: &Value,
        environment: Environment<'_>,
    ) -> Result<Rendered, RenderError> {
        let mut evaluator = Evaluator::new(self, Context::new(environment));
        match evaluator.start(data) {
            Ok(()) => Ok(evaluator.finish()),
            Err(raised) => {
                let (line, column) = position(self.text(), raised.at as usize);
                Err(RenderError { line, column, kind: *raised.kind })
            }
        }
    }
}
