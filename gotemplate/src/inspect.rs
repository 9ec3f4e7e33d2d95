//! The keys and the random functions that a template mentions, found without rendering it.
//!
//! It finds literal keys: `.key`, `$.key` and `index . "key"`. It does not find keys that a
//! template computes.

use std::collections::BTreeSet;

use crate::{
    syntax::{Branch, Command, Name, Node, Operand, Pipeline, Term},
    template::{Template, position},
};

/// The keys and random functions that a template mentions.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Inspection {
    /// The keys that it looks up in its data.
    pub keys: Vec<Mention>,
    /// The functions whose value differs each time.
    pub random: Vec<Mention>,
}

/// A name and its place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mention {
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
    /// The key, or the function.
    pub name: String,
}

impl Template {
    /// Inspects the template without rendering it. Templates that are never called are ignored.
    pub fn inspect(&self) -> Inspection {
        let mut inspector =
            Inspector { template: self, seen: BTreeSet::new(), found: Inspection::default() };
        inspector.tree(&self.name, true);
        inspector.found
    }
}

/// `$`
const ROOT: Name = Name(0);

struct Inspector<'t> {
    template: &'t Template,
    /// The inspected templates, and whether their `$` was the data.
    seen: BTreeSet<(&'t str, bool)>,
    found: Inspection,
}

/// Which of dot and `$` is the data.
#[derive(Clone, Copy)]
struct Scope {
    dot: bool,
    root: bool,
}

impl<'t> Inspector<'t> {
    fn tree(&mut self, name: &str, is_data: bool) {
        let Some((name, nodes)) = self.template.trees.get_key_value(name) else { return };
        if self.seen.insert((name, is_data)) {
            self.nodes(nodes, Scope { dot: is_data, root: is_data });
        }
    }

    fn nodes(&mut self, nodes: &'t [Node], scope: Scope) {
        for node in nodes {
            match node {
                Node::Text(_) | Node::Break | Node::Continue => {}
                Node::Action(pipeline) => self.pipeline(pipeline, scope),
                Node::If(branch) => self.branch(branch, scope, scope),
                Node::With(branch) | Node::Range(branch) => {
                    self.branch(branch, scope, Scope { dot: false, ..scope });
                }
                Node::Template { name, argument, .. } => {
                    let is_data = argument.as_ref().is_some_and(|pipeline| {
                        self.pipeline(pipeline, scope);
                        is_data_itself(pipeline, scope)
                    });
                    self.tree(name, is_data);
                }
            }
        }
    }

    fn branch(&mut self, branch: &'t Branch, scope: Scope, inner: Scope) {
        self.pipeline(&branch.pipeline, scope);
        self.nodes(&branch.body, inner);
        self.nodes(&branch.otherwise, scope);
    }

    fn pipeline(&mut self, pipeline: &'t Pipeline, scope: Scope) {
        for Command { first, arguments } in &pipeline.commands {
            if let (Term::Function(function), [map, key, ..]) = (&first.term, &arguments[..])
                && function.name == "index"
                && is_data(&map.term, scope)
                && let Term::Text(name) = &key.term
            {
                self.key(&String::from_utf8_lossy(name), key.at);
            }
            self.operand(first, scope);
            arguments.iter().for_each(|argument| self.operand(argument, scope));
        }
    }

    fn operand(&mut self, operand: &'t Operand, scope: Scope) {
        match &operand.term {
            Term::Field(names) if scope.dot => self.field(names, operand.at),
            Term::Variable(ROOT, names) if scope.root => self.field(names, operand.at),
            Term::Function(function) if !function.deterministic => {
                let mention = self.mention(function.name, operand.at);
                self.found.random.push(mention);
            }
            Term::Pipeline(pipeline) => self.pipeline(pipeline, scope),
            Term::Chain(operand, _) => self.operand(operand, scope),
            _ => {}
        }
    }

    fn field(&mut self, names: &[Box<str>], at: u32) {
        if let Some(name) = names.first() {
            self.key(name, at);
        }
    }

    fn key(&mut self, name: &str, at: u32) {
        let mention = self.mention(name, at);
        self.found.keys.push(mention);
    }

    fn mention(&self, name: &str, at: u32) -> Mention {
        let (line, column) = position(self.template.text(), at as usize);
        Mention { line, column, name: name.to_owned() }
    }
}

fn is_data_itself(pipeline: &Pipeline, scope: Scope) -> bool {
    matches!(&pipeline.commands[..], [Command { first, arguments }]
        if arguments.is_empty() && is_data(&first.term, scope))
}

fn is_data(term: &Term, scope: Scope) -> bool {
    match term {
        Term::Dot => scope.dot,
        Term::Variable(ROOT, names) => scope.root && names.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use crate::{
        BUILTIN_FUNCTIONS, Dialect, Function,
        Parameter::{Any, Int},
        Value,
    };

    static UPPER: Function = Function::new("upper", &[Any], |_, a| Ok(a.any(0)?.clone()));
    static FROM_JSON: Function = Function::new("fromJson", &[Any], |_, a| Ok(a.any(0)?.clone()));
    static NOW: Function = Function::new("now", &[], |_, _| Ok(Value::Nil)).random();
    static RANDOM: Function = Function::new("randAlpha", &[Int], |_, _| Ok(Value::Nil)).random();
    static UUID: Function = Function::new("uuidv4", &[], |_, _| Ok(Value::Nil)).random();

    static FUNCTIONS: LazyLock<Vec<&'static Function>> = LazyLock::new(|| {
        let mut functions = BUILTIN_FUNCTIONS.to_vec();
        functions.extend([&UPPER, &FROM_JSON, &NOW, &RANDOM, &UUID]);
        functions.sort_by_key(|function| function.name);
        functions
    });

    fn inspect(text: &str) -> (Vec<String>, Vec<String>) {
        let template = Template::parse("t", text, &Dialect::new(&FUNCTIONS)).expect("a template");
        let lines = |mentions: Vec<Mention>| {
            let line = |m: Mention| format!("{}:{} {}", m.line, m.column, m.name);
            mentions.into_iter().map(line).collect()
        };
        let Inspection { keys, random } = template.inspect();
        (lines(keys), lines(random))
    }

    #[test]
    fn keys_are_found_where_dot_is_the_data() {
        let keys = |text| inspect(text).0;
        assert_eq!(keys("{{ .a.b }}\n{{ upper .c | print $.d }}"), ["1:4 a", "2:10 c", "2:21 d"]);
        assert_eq!(keys("{{ index . `a-b` 1 }}{{ index .x `y` }}"), ["1:12 a-b", "1:31 x"]);
        assert_eq!(keys("{{ with .a }}{{ .b }}{{ $.c }}{{ else }}{{ .d }}{{ end }}").len(), 3);
        assert_eq!(keys("{{ range . }}{{ .b }}{{ end }}"), [""; 0]);
        assert_eq!(keys("{{ (.a | fromJson).b }}"), ["1:5 a"]);
    }

    #[test]
    fn uncalled_templates_are_ignored() {
        let define = "{{ define `d` }}{{ .a }}{{ uuidv4 }}{{ template `d` . }}{{ end }}";
        assert_eq!(inspect(define), (vec![], vec![]));
        let called = format!("{define}{{{{ template `d` . }}}}");
        assert_eq!(inspect(&called), (vec!["1:20 a".to_owned()], vec!["1:28 uuidv4".to_owned()]));
        let with_another = format!("{define}{{{{ template `d` .x }}}}");
        assert_eq!(inspect(&with_another).0, ["1:82 x"]);
    }

    #[test]
    fn random_functions_are_found_in_arguments() {
        let random = inspect("{{ print (randAlpha 3) now | upper }}").1;
        assert_eq!(random, ["1:11 randAlpha", "1:24 now"]);
    }
}
