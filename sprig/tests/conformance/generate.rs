//! Random templates, the same for the same seed.

mod vocabulary;

use gotemplate::Dialect;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

pub(crate) use self::vocabulary::DATA;
use self::vocabulary::{EXTERNAL, FUNCTIONS, WORDS};

pub(crate) struct Generator {
    random: StdRng,
    functions: Vec<&'static str>,
    external: Vec<&'static str>,
    /// Whether the template also calls functions of External Secrets.
    is_external: bool,
}

/// A template and its dialect.
pub(crate) struct Generated {
    pub(crate) text: String,
    pub(crate) is_external: bool,
}

impl Generated {
    /// The name of the dialect in corpora.
    pub(crate) fn dialect_name(&self) -> &'static str {
        if self.is_external { "external-secret" } else { "sealed-secret" }
    }

    pub(crate) fn dialect(&self) -> Dialect {
        if self.is_external { sprig::external_secrets_dialect() } else { sprig::dialect() }
    }
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: StdRng::seed_from_u64(seed),
            functions: FUNCTIONS.split_whitespace().collect(),
            external: EXTERNAL.split_whitespace().collect(),
            is_external: false,
        }
    }

    /// A template. One of four is for ExternalSecrets.
    pub(crate) fn template(&mut self) -> Generated {
        self.is_external = self.below(4) == 0;
        let mut text = String::new();
        for _ in 0..=self.below(5) / 2 {
            text.push_str(&self.node(2));
        }
        Generated { text, is_external: self.is_external }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.random.random_range(0..limit)
    }

    fn one(&mut self, words: &[&str]) -> String {
        words[self.below(words.len())].to_owned()
    }

    fn node(&mut self, depth: usize) -> String {
        let choice = if depth == 0 { 0 } else { self.below(24) };
        let inner = depth.saturating_sub(1);
        match choice {
            8 => format!(
                "{{{{if {}}}}}{}{{{{else if {}}}}}{}{{{{else}}}}{}{{{{end}}}}",
                self.pipeline(2),
                self.node(inner),
                self.pipeline(1),
                self.node(inner),
                self.node(inner)
            ),
            9 => format!(
                "{{{{with {}}}}}[{{{{.}}}}]{}{{{{else}}}}{}{{{{end}}}}",
                self.pipeline(2),
                self.node(inner),
                self.node(inner)
            ),
            10 => format!(
                "{{{{range {}}}}}{{{{.}}}};{}{{{{else}}}}-{{{{end}}}}",
                self.argument('l', 1),
                self.node(inner)
            ),
            11 => format!(
                "{{{{range $k, $v := {}}}}}{{{{$k}}}}={{{{$v}}}}{{{{end}}}}",
                self.argument('g', 1)
            ),
            12 => format!(
                "{{{{$x := {}}}}}{{{{$x | {}}}}}",
                self.pipeline(2),
                self.one(&["print", "quote", "toJson", "len", "kindOf", "typeOf"])
            ),
            13 => format!(" {{{{- {} -}}}} ", self.pipeline(2)),
            14 => format!(
                "{{{{range $i, $v := {}}}}}{{{{if {}}}}}{{{{{}}}}}{{{{end}}}}{}{{{{end}}}}",
                self.argument('g', 1),
                self.one(&["eq $i 1", "gt $i 0", "$v", "not $v", "kindIs \"string\" $v"]),
                self.one(&["break", "continue", "$v | toJson", "$i", "$.i"]),
                self.node(inner)
            ),
            15 => format!(
                "{{{{define \"d\"}}}}<{{{{.}}}}>{{{{end}}}}{{{{template \"d\" {}}}}}",
                self.pipeline(1)
            ),
            16 => format!(
                "{{{{block \"b\" {}}}}}{}{{{{end}}}}",
                self.argument('a', 1),
                self.node(inner)
            ),
            17 => format!(
                "{{{{$x := 0}}}}{{{{range {}}}}}{{{{$x = {}}}}}{{{{end}}}}{{{{$x}}}}",
                self.argument('g', 1),
                self.one(&["add $x 1", "list $x .", "print $x .", "default $x .", "."])
            ),
            18 => format!(
                "{{{{$d := {}}}}}{{{{range $k, $v := $d}}}}{{{{$k}}}}:{{{{$v | {}}}}},{{{{end}}}}{{{{$d.{}}}}}",
                self.argument('d', 1),
                self.one(&["quote", "toJson", "kindOf", "default \"-\"", "toString | upper"]),
                self.one(&["x", "a", "db.port", "c", "host", "z.p", "a.b"])
            ),
            19 => format!(
                "{{{{$d := {}}}}}{{{{$_ := {} $d {}}}}}{{{{$d | toJson}}}}",
                self.argument('e', 1),
                self.one(&["set", "unset"]),
                self.one(&[
                    "\"a\"",
                    "\"a\" (dict \"b\" nil)",
                    "\"new\" .l",
                    "\"c\" .nope",
                    "\"\" .s"
                ])
            ),
            20 => format!(
                "{{{{({}).{}}}}}",
                self.argument('d', 1),
                self.one(&["x", "a", "db.host", "path", "z.p"])
            ),
            _ => format!("{{{{{}}}}}", self.pipeline(3)),
        }
    }

    fn pipeline(&mut self, depth: usize) -> String {
        let mut text = self.call(depth);
        for _ in 0..self.below(3) / 2 {
            text.push_str(" | ");
            text.push_str(&self.one(&[
                "print",
                "quote",
                "toJson",
                "toString",
                "kindOf",
                "default 1",
                "toPrettyJson",
                "len",
                "printf \"%v %T\" 1",
                "b64enc",
            ]));
        }
        text
    }

    fn call(&mut self, depth: usize) -> String {
        let is_external = self.is_external && self.below(3) == 0;
        let count = if is_external { self.external.len() } else { self.functions.len() };
        let index = self.below(count);
        let function = if is_external { self.external[index] } else { self.functions[index] };
        let (name, types) = function.split_once(':').unwrap_or((function, ""));
        let mut text = name.to_owned();
        let mut before = 'a';
        for mut kind in types.chars() {
            let count = if kind == '*' { self.below(3) } else { 1 };
            if kind == '*' {
                kind = before;
            }
            for _ in 0..count {
                text.push(' ');
                // Sometimes a value of another type.
                let kind = if self.below(40) == 0 && !"oKEtx".contains(kind) { 'a' } else { kind };
                text.push_str(&self.argument(kind, depth));
            }
            before = kind;
        }
        text
    }

    fn argument(&mut self, kind: char, depth: usize) -> String {
        if depth > 1 && self.below(4) == 0 && "asglm".contains(kind) {
            return format!("({})", self.call(depth - 1));
        }
        match WORDS.iter().find(|(known, _)| *known == kind) {
            Some((_, words)) => self.one(words),
            None => self.any(),
        }
    }

    fn any(&mut self) -> String {
        let kind = b"sSimbldgwk"[self.below(10)];
        match self.below(6) {
            0 => self.argument('?', 0),
            _ => self.argument(char::from(kind), 0),
        }
    }
}

/// All deterministic functions are generated, except the one that is slow on purpose.
#[test]
fn every_deterministic_function_occurs() {
    let called = |name: &str| {
        let mut functions = FUNCTIONS.split_whitespace().chain(EXTERNAL.split_whitespace());
        functions.any(|function| function.split(':').next() == Some(name))
    };
    let missing: Vec<_> = sprig::external_secrets_dialect()
        .functions()
        .filter(|function| function.deterministic && !called(function.name))
        .filter(|function| function.name != "derivePassword")
        .map(|function| function.name)
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
