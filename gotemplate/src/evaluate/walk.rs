//! Nodes: text, actions, branches, loops, calls of templates.

use super::raised::{At as _, Evaluated, raise};
use crate::{
    context::Context,
    error::RenderErrorKind,
    fmt,
    limits::Limit,
    syntax::{Branch, Name, Node, Pipeline},
    template::{Rendered, Template},
    text::{Buffer, Text},
    value::{Kind, List, Value},
};

pub(super) struct Evaluator<'t, 'e> {
    pub(super) template: &'t Template,
    pub(super) context: Context<'e>,
    output: Buffer,
    /// The variables of the templates that are being rendered, innermost last.
    variables: Vec<(Name, Value)>,
    /// The start of the variables of the innermost template.
    frame: usize,
    /// The number of templates that are being rendered.
    depth: usize,
}

/// The step after a node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl<'t, 'e> Evaluator<'t, 'e> {
    pub(super) fn new(template: &'t Template, context: Context<'e>) -> Self {
        Self {
            template,
            context,
            output: Buffer::default(),
            variables: Vec::new(),
            frame: 0,
            depth: 0,
        }
    }

    pub(super) fn finish(self) -> Rendered {
        let non_deterministic = self.context.non_deterministic;
        Rendered { output: self.output.into_bytes(), non_deterministic }
    }

    /// Renders the text's own template.
    pub(super) fn start(&mut self, data: &Value) -> Evaluated<()> {
        // Many short templates of one object would otherwise never reach a check of the deadline.
        self.context.meter.check_deadline().at(0)?;
        if let Value::Map(map) = data {
            self.context.meter.steps(map.len() as u64).at(0)?;
        }
        self.template(&self.template.name, data.detach(), 0)
    }

    /// Renders the template called `name`.
    pub(super) fn template(&mut self, name: &str, dot: Value, at: u32) -> Evaluated<()> {
        let Some(body) = self.template.trees.get(name) else {
            return raise(at, RenderErrorKind::UndefinedTemplate(name.into()));
        };
        if self.depth >= self.context.meter.limits.recursion {
            return raise(at, RenderErrorKind::Limit(Limit::Recursion));
        }
        let frame = std::mem::replace(&mut self.frame, self.variables.len());
        self.depth += 1;
        self.variables.push((Name(0), dot.clone()));
        self.nodes(body, &dot)?;
        self.variables.truncate(self.frame);
        self.depth -= 1;
        self.frame = frame;
        Ok(())
    }

    fn nodes(&mut self, nodes: &'t [Node], dot: &Value) -> Evaluated<Flow> {
        for node in nodes {
            let flow = self.node(node, dot)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn node(&mut self, node: &'t Node, dot: &Value) -> Evaluated<Flow> {
        match node {
            Node::Text(text) => self.write(text.as_bytes()).at(0)?,
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.variables.is_empty() {
                    self.print(&value).at(pipeline.at)?;
                }
            }
            Node::If(branch) => return self.branch(branch, dot, false),
            Node::With(branch) => return self.branch(branch, dot, true),
            Node::Range(branch) => return self.range(branch, dot),
            Node::Template { name, argument, at } => {
                let argument = match argument {
                    Some(pipeline) => self.pipeline(pipeline, dot)?,
                    None => Value::Missing,
                };
                self.template(name, argument, *at)?;
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn branch(&mut self, branch: &'t Branch, dot: &Value, is_with: bool) -> Evaluated<Flow> {
        let mark = self.variables.len();
        let value = self.pipeline(&branch.pipeline, dot)?;
        let flow = if !value.is_true() {
            self.nodes(&branch.otherwise, dot)
        } else if is_with {
            self.nodes(&branch.body, &value)
        } else {
            self.nodes(&branch.body, dot)
        };
        self.variables.truncate(mark);
        flow
    }

    fn range(&mut self, branch: &'t Branch, dot: &Value) -> Evaluated<Flow> {
        let mark = self.variables.len();
        let pipeline = &branch.pipeline;
        let value = self.pipeline(pipeline, dot)?;
        if let Value::Map(map) = &value {
            self.context.meter.items(map.len()).at(pipeline.at)?;
        }
        let items = Items::of(&value);
        let count = match &items {
            Items::Numbers(..) if pipeline.variables.len() > 1 => {
                return raise(pipeline.at, RenderErrorKind::TooManyVariables);
            }
            Items::Numbers(count, _) => *count,
            Items::List(list) => list.len(),
            Items::Map(entries) => entries.len(),
            Items::None => {
                return raise(pipeline.at, RenderErrorKind::NotIterable(value.type_name()));
            }
        };
        if count > self.context.meter.limits.items {
            return raise(pipeline.at, RenderErrorKind::Limit(Limit::Items));
        }
        if count == 0 {
            let flow = self.nodes(&branch.otherwise, dot);
            self.variables.truncate(mark);
            return flow;
        }
        for index in 0..count {
            let (key, item) = items.get(index);
            self.context.meter.step().at(pipeline.at)?;
            let inner = self.variables.len();
            self.set_loop_variables(pipeline, key, &item)?;
            let flow = self.nodes(&branch.body, &item)?;
            self.variables.truncate(inner);
            if flow == Flow::Break {
                break;
            }
        }
        self.variables.truncate(mark);
        Ok(Flow::Next)
    }

    fn set_loop_variables(
        &mut self,
        pipeline: &Pipeline,
        key: Value,
        item: &Value,
    ) -> Evaluated<()> {
        // With one variable it is the item; with two the first is the key.
        let values = match pipeline.variables.len() {
            0 => return Ok(()),
            1 => vec![item.clone()],
            _ => vec![key, item.clone()],
        };
        if pipeline.assigns {
            for (name, value) in pipeline.variables.iter().zip(values) {
                self.assign(*name, value, pipeline.at)?;
            }
        } else {
            // They were declared last.
            let start = self.variables.len() - values.len();
            for (slot, value) in self.variables[start..].iter_mut().zip(values) {
                slot.1 = value;
            }
        }
        Ok(())
    }

    pub(super) fn declare(&mut self, name: Name, value: Value) {
        self.variables.push((name, value));
    }

    pub(super) fn assign(&mut self, name: Name, value: Value, at: u32) -> Evaluated<()> {
        let index = self.find(name, at)?;
        self.variables[index].1 = value;
        Ok(())
    }

    pub(super) fn variable(&mut self, name: Name, at: u32) -> Evaluated<Value> {
        let index = self.find(name, at)?;
        Ok(self.variables[index].1.clone())
    }

    /// The index of the innermost variable of this name.
    fn find(&mut self, name: Name, at: u32) -> Evaluated<usize> {
        let visible = &self.variables[self.frame..];
        let distance = visible.iter().rev().position(|(known, _)| *known == name);
        let Some(distance) = distance else {
            return raise(at, RenderErrorKind::UndefinedVariable);
        };
        self.context.meter.steps((distance >> 6) as u64).at(at)?;
        Ok(self.variables.len() - 1 - distance)
    }

    /// The value of an action, as `fmt.Print` would give it.
    fn print(&mut self, value: &Value) -> Result<(), Limit> {
        match value {
            Value::Text(text) => self.write(text),
            Value::Missing | Value::Nil => self.write(b"<no value>"),
            value => {
                let mut buffer = Buffer::default();
                fmt::print_value(&mut buffer, &mut self.context.meter, value)?;
                self.write(&buffer)
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Limit> {
        let meter = &mut self.context.meter;
        meter.step()?;
        meter.bytes(bytes.len())?;
        if self.output.len() + bytes.len() > meter.limits.output {
            return Err(Limit::Output);
        }
        self.output.push(bytes);
        Ok(())
    }
}

/// The items of a `range`. The range sees a map as it was at the start, and a list as it is in each
/// round.
enum Items<'v> {
    /// All numbers below the first one. They have the type of the second value.
    Numbers(usize, &'v Value),
    List(&'v List),
    Map(Vec<(Text, Value)>),
    None,
}

impl<'v> Items<'v> {
    fn of(value: &'v Value) -> Self {
        let up_to = |count: i64| Self::Numbers(usize::try_from(count).unwrap_or(0), value);
        match value {
            Value::Missing | Value::Nil => Self::Map(Vec::new()),
            Value::Int(count) | Value::Int64(count) => up_to(*count),
            Value::Uint8(count) => up_to(i64::from(*count)),
            Value::Uint64(count) => up_to(i64::try_from(*count).unwrap_or(i64::MAX)),
            Value::Object(object) => match object.kind() {
                Kind::Integer(count) => up_to(count),
                Kind::Structure | Kind::Pointer => Self::None,
            },
            Value::List(list) => Self::List(list),
            Value::Map(map) => {
                let entries = map.entries();
                Self::Map(entries.iter().map(|(key, value)| (key.clone(), value.clone())).collect())
            }
            _ => Self::None,
        }
    }

    fn get(&self, index: usize) -> (Value, Value) {
        let number = Value::Int(i64::try_from(index).unwrap_or(i64::MAX));
        match self {
            Self::List(list) => (number, list.get(index).unwrap_or_default()),
            Self::Map(entries) => {
                let (key, value) = entries[index].clone();
                (Value::Text(key), value)
            }
            Self::Numbers(_, limit) => {
                let number = limit.with_number(index);
                (number.clone(), number)
            }
            Self::None => (number.clone(), number),
        }
    }
}
