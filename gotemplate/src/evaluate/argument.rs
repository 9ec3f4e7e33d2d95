//! Pipelines, commands, and the arguments of functions.

use super::{
    raised::{At as _, Evaluated, raise},
    walk::Evaluator,
};
use crate::{
    error::RenderErrorKind,
    function::{Body, Function, Parameter},
    syntax::{Command, Ideal, Operand, Pipeline, Term},
    value::Value,
};

impl<'t> Evaluator<'t, '_> {
    /// The value of a pipeline. A nil result counts as no value.
    pub(super) fn pipeline(&mut self, pipeline: &'t Pipeline, dot: &Value) -> Evaluated<Value> {
        let mut last = None;
        for command in &pipeline.commands {
            self.context.meter.step().at(pipeline.at)?;
            last = Some(match self.command(command, dot, last)? {
                Value::Nil => Value::Missing,
                value => value,
            });
        }
        let value = last.unwrap_or_default();
        for name in &pipeline.variables {
            if pipeline.assigns {
                self.assign(*name, value.clone(), pipeline.at)?;
            } else {
                self.declare(*name, value.clone());
            }
        }
        Ok(value)
    }

    /// `last` is the value of the previous command in the pipeline.
    fn command(
        &mut self,
        command: &'t Command,
        dot: &Value,
        last: Option<Value>,
    ) -> Evaluated<Value> {
        let Command { first, arguments } = command;
        if let Term::Function(function) = &first.term {
            return self.call(function, first.at, arguments, dot, last);
        }
        if !arguments.is_empty() || last.is_some() {
            return self.method(first, arguments, dot, last);
        }
        match &first.term {
            Term::Nil => raise(first.at, RenderErrorKind::NilCommand),
            _ => self.operand(first, dot),
        }
    }

    /// The value of an operand where any type is allowed.
    fn operand(&mut self, operand: &'t Operand, dot: &Value) -> Evaluated<Value> {
        let at = operand.at;
        Ok(match &operand.term {
            Term::Dot => dot.clone(),
            Term::Nil => Value::Nil,
            Term::Bool(value) => Value::Bool(*value),
            Term::Number(number) => match number.ideal {
                Ideal::Int(value) => Value::Int(value),
                Ideal::Float(value) => Value::Float(value),
                Ideal::Complex(real, imaginary) => Value::Complex(real, imaginary),
                Ideal::Overflow => return raise(at, RenderErrorKind::Overflow),
            },
            Term::Text(bytes) => {
                self.context.meter.bytes(bytes.len()).at(at)?;
                Value::text(&**bytes)
            }
            Term::Field(names) => self.fields(dot.clone(), names, None, at)?,
            Term::Variable(name, names) => {
                let value = self.variable(*name, at)?;
                self.fields(value, names, None, at)?
            }
            Term::Function(function) => self.call(function, at, &[], dot, None)?,
            Term::Pipeline(pipeline) => self.pipeline(pipeline, dot)?,
            Term::Chain(operand, names) => {
                let value = self.operand(operand, dot)?;
                self.fields(value, names, None, at)?
            }
        })
    }

    /// A field with arguments: the method of an object.
    fn method(
        &mut self,
        first: &'t Operand,
        operands: &'t [Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Evaluated<Value> {
        let at = first.at;
        let (value, names) = match &first.term {
            Term::Field(names) => (dot.clone(), names),
            Term::Variable(name, names) if !names.is_empty() => (self.variable(*name, at)?, names),
            Term::Chain(operand, names) => (self.operand(operand, dot)?, names),
            _ => return raise(at, RenderErrorKind::NotAFunction),
        };
        let mut arguments = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            arguments.push(self.operand(operand, dot)?);
        }
        arguments.extend(last);
        self.fields(value, names, Some(&arguments), at)
    }

    fn call(
        &mut self,
        function: &'static Function,
        at: u32,
        operands: &'t [Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Evaluated<Value> {
        let count = operands.len() + usize::from(last.is_some());
        if !function.takes(count) {
            return raise(at, RenderErrorKind::ArgumentCount(function.name));
        }
        self.context.meter.step().at(at)?;
        match function.body {
            Body::Run(_) => {}
            Body::And => return self.until(false, operands, dot, last),
            Body::Or => return self.until(true, operands, dot, last),
        }
        let mut arguments = Vec::with_capacity(count);
        for (index, operand) in operands.iter().enumerate() {
            arguments.push(self.argument(function, function.parameter(index), operand, dot)?);
        }
        if let Some(last) = last {
            let parameter = function.parameter(operands.len());
            arguments.push(convert(function, parameter, last, at)?);
        }
        function
            .call(&mut self.context, &arguments)
            .map_err(|failure| (function.name, failure))
            .at(at)
    }

    /// The first value whose truth is `stop`, else the last. Operands after it are not evaluated.
    fn until(
        &mut self,
        stop: bool,
        operands: &'t [Operand],
        dot: &Value,
        last: Option<Value>,
    ) -> Evaluated<Value> {
        let mut value = Value::Missing;
        for operand in operands {
            value = self.operand(operand, dot)?;
            if value.is_true() == stop {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    /// An argument, with the type of its parameter.
    fn argument(
        &mut self,
        function: &'static Function,
        parameter: Parameter,
        operand: &'t Operand,
        dot: &Value,
    ) -> Evaluated<Value> {
        let at = operand.at;
        let mismatch = |found| {
            let (function, expected) = (function.name, parameter.type_name());
            raise(at, RenderErrorKind::ArgumentType { function, expected, found })
        };
        match (&operand.term, parameter) {
            (Term::Nil, _) => match parameter.nil() {
                Some(value) => Ok(value),
                None => mismatch("nil"),
            },
            // A constant takes the type of the parameter if it fits.
            (Term::Number(number), Parameter::Int) => match number.int {
                Some(value) => Ok(Value::Int(value)),
                None => mismatch("another number"),
            },
            (Term::Number(number), Parameter::Uint32) => match number.unsigned {
                Some(value) => Ok(Value::Uint64(value)),
                None => mismatch("another number"),
            },
            (Term::Number(number), Parameter::Float) => match number.float {
                Some(value) => Ok(Value::Float(value)),
                None => mismatch("a complex number"),
            },
            _ => {
                let value = self.operand(operand, dot)?;
                convert(function, parameter, value, at)
            }
        }
    }
}

/// `value` with the type of the parameter. A missing value becomes nil if the type has one.
fn convert(
    function: &'static Function,
    parameter: Parameter,
    value: Value,
    at: u32,
) -> Evaluated<Value> {
    if matches!(value, Value::Missing)
        && let Some(nil) = parameter.nil()
    {
        return Ok(nil);
    }
    if parameter.accepts(&value) {
        return Ok(value);
    }
    let (function, expected, found) = (function.name, parameter.type_name(), value.type_name());
    raise(at, RenderErrorKind::ArgumentType { function, expected, found })
}
