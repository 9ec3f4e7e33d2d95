//! Templates at random, the same for the same seed.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

/// The functions that are called, with the types of what they are given: see [`Generator::argument`].
/// A `*` repeats the type before it. No `set`: printing a map that holds itself crashes Go.
const FUNCTIONS: &str = "
and:a* or:a* not:a eq:ww* ne:ww lt:ww le:ww gt:ww ge:ww len:g index:gk index:dS slice:lii print:a*
println:a* printf:pa* html:a* js:a* urlquery:a* default:aa empty:a coalesce:a* ternary:aab all:a*
any:a* quote:a* squote:a* cat:a* upper:s lower:s title:s untitle:s trim:s trimAll:Ss trimPrefix:Ss
trimSuffix:Ss repeat:ns substr:iis nospace:s trunc:is abbrev:is abbrevboth:iis initials:s wrap:ns
wrapWith:nSs contains:Ss hasPrefix:Ss hasSuffix:Ss indent:ns nindent:ns replace:SSs plural:SSi
snakecase:s camelcase:s kebabcase:s swapcase:s regexMatch:rs regexFind:rs regexFindAll:rsi
regexReplaceAll:rsR regexReplaceAllLiteral:rsR regexSplit:rsi regexQuoteMeta:s toString:a toStrings:a
atoi:m int:m int64:m float64:m toDecimal:m add:m* sub:mm div:mm mod:mm mul:mm* add1:m add1f:m addf:m*
subf:mm* mulf:mm* divf:mm* max:mm* min:mm* maxf:mm* minf:mm* ceil:m floor:m round:mn until:n
untilStep:iin seq:iii seq:ii join:Sl split:Ss splitList:Ss splitn:Sis sortAlpha:l list:a* first:l
last:l rest:l initial:l append:la prepend:la concat:ll* reverse:l uniq:l without:la* has:al compact:l
chunk:nl dict:Sa* get:dS hasKey:dS pluck:Sd* pick:dS* omit:dS* merge:dd mergeOverwrite:dd dig:SSad
deepCopy:a deepEqual:aa b64enc:s b64dec:s b32enc:s b32dec:s toJson:a toPrettyJson:a toRawJson:a
fromJson:j mustFromJson:j typeOf:a kindOf:a typeIs:Sa kindIs:Sa typeIsLike:Sa base:P dir:P clean:P
ext:P isAbs:P sha256sum:s sha1sum:s adler32sum:s semver:v semverCompare:Vv urlParse:u urlJoin:d
date:yi dateInZone:yiz htmlDate:i toDate:yY duration:S durationRound:D unset:dS";

/// What contexts have.
pub(crate) const DATA: &str = r#"{"s":"héllo <b>\"q\"","e":"","sp":"  a b ","i":42,"f":3.25,"neg":-7.5,
"big":123456789012,"t":true,"n":null,"l":[1,"two",3.5,null,[1,2],{"k":"v"}],"w":["b","a","c","a"],
"m":{"a":{"z":[true]},"b":1,"c":"x"},"d":{"x":"1","y":"","z":{"p":0}}}"#;

/// What stands for each type of argument.
#[rustfmt::skip]
const WORDS: [(char, &[&str]); 23] = [
    ('s', &["\"hello World\"", ".s", ".e", ".sp", "\"a,b,,c\"", "\"FooBar_baz-Qux1 x\"",
        "\"é日\\xff\"", "\"line1\\nline2\\n\"", "\"YWJj\"", "`{\"a\":[1,2]}`", "\"0\"",
        "\"aaa bbb ccc ddd\""]),
    ('S', &["\"a\"", "\",\"", "\"\"", "\"b\"", "\"x\"", "\"l\"", "\"c\"", "\"int\"", "\"map\"",
        "\"string\"", "\"95\"", "\"é\""]),
    ('i', &["0", "1", "2", "3", "-1", "-2", "5", "10", "100"]),
    ('n', &["0", "1", "2", "3", "5", "7", "-1"]),
    ('k', &["0", "1", "4", "5", "-1", "\"a\"", "nil"]),
    ('m', &["0", "1", "-3", "2.5", ".f", ".i", ".neg", ".big", "\"12\"", "\"0x1f\"", "\"1.0\"",
        "\"x\"", "true", "nil", "1e6", "0.1", "\"3.75\"", "7"]),
    ('b', &["true", "false", ".t", "(eq 1 1)"]),
    ('l', &[".l", ".w", "(list)", "(list 1 2 3)", "(list \"a\" nil 0 \"\")", "(until 4)",
        "(splitList \",\" \"b,a\")", ".n", ".s"]),
    ('d', &[".m", ".d", "(dict)", "(dict \"a\" 1 \"b\" 2)", "(dict \"a\" (dict \"x\" 1))",
        "(dict \"c\" nil)", "(deepCopy .d)",
        "(dict \"scheme\" \"http\" \"host\" \"h\" \"path\" \"/a b\")"]),
    ('g', &[".l", ".m", ".s", ".d", ".w", "(list 1 \"x\")", "(dict \"k\" 1)", "\"abc\"", ".n"]),
    ('w', &["1", "2", "\"a\"", "\"b\"", "1.5", ".f", ".i", "true", "nil", "(int64 1)", "'a'",
        ".s", ".n"]),
    ('p', &["\"%v|\"", "\"%d %s\"", "\"%5.2f|%-5v|\"", "\"%q %x\"", "\"%T\"", "\"%+v %#v\"",
        "\"%08d|%e\"", "\"%s\"", "\"%05t %c %U\"", "\"%[2]v %[1]v\"", "\"%*d\"", "\"%!\"",
        "\"% x %X\""]),
    ('r', &["\"a\"", "\"[a-z]+\"", "\"(\\\\w+) (\\\\w+)\"", "\"\\\\d*\"", "\"\"", "\"^h.*o\"",
        "\"(?i)B\"", "\"[^a]\"", "\"(a|b)*\"", "\"\\\\bb\"", "\"(\"", "\"x{2,3}\"", "\"\\\\s+\"",
        "\"(?P<n>o)\"", "\"\\\\pL\"", "\".\""]),
    ('R', &["\"\"", "\"$1\"", "\"${1}x\"", "\"-\"", "\"$n\"", "\"$0$0\"", "\"$\""]),
    ('j', &["`{\"a\":1e3,\"b\":[null,true]}`", "`[1,2,{\"x\":\"y\"}]`", "`\"s\"`", "`12`", "`{`",
        "`[1,]`", "`\"\\u00e9\\n\"`", ".s"]),
    ('v', &["\"1.2.3\"", "\"v2.0.0-rc.1\"", "\"1.2\"", "\"0.3.1+b\"", "\"x\"", "\"1.0.0-alpha\""]),
    ('V', &["\">=1.0\"", "\"^1.2\"", "\"~1.2.3\"", "\"1.x\"", "\"1 - 2\"", "\"<2 || >3\"",
        "\">=1, <2\"", "\"!=1.2\"", "\"*\"", "\">1\"", "\"=1.2\"", "\">=1.0-0\"", "\"y\""]),
    ('u', &["\"http://u:p@h:80/p?q=1#f\"", "\"/a/b\"", "\"mailto:x\"", "\"//h\"", "\"\"",
        "\"http://[::1]/\"", "\"%zz\"", "\"a b\""]),
    ('P', &["\"/a/b.c\"", "\"a//b/../c\"", "\"\"", "\"..\"", "\"/\"", "\".x.y\"", "\"a/\"",
        "\"./a\""]),
    ('y', &["\"2006-01-02\"", "\"Jan _2 15:04:05.000 2006\"",
        "\"Mon, 02 Jan 2006 15:04:05 MST\"", "\"2006-01-02T15:04:05Z07:00\"", "\"3:04PM\"",
        "\"x\"", "\"20060102\"", "\"002 -0700\""]),
    ('Y', &["\"2020-02-29\"", "\"2020-01-02T03:04:05+02:00\"", "\"20200102\"", "\"x\"",
        "\"4:05PM\"", "\"Jan  5 01:02:03.456 2021\""]),
    ('z', &["\"Europe/Amsterdam\"", "\"UTC\"", "\"America/New_York\"", "\"nope\"", "\"\"",
        "\"Asia/Kolkata\""]),
    ('D', &["\"2h10m5s\"", "\"1.5s\"", "\"x\"", "\"800h\"", "\"-3m\"", "\"100ms\""]),
];

pub(crate) struct Generator(StdRng);

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// A template.
    pub(crate) fn template(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..=self.below(5) / 2 {
            text.push_str(&self.node(2));
        }
        text
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0.random_range(0..limit)
    }

    fn one(&mut self, words: &[&str]) -> String {
        words[self.below(words.len())].to_owned()
    }

    fn node(&mut self, depth: usize) -> String {
        let choice = if depth == 0 { 0 } else { self.below(14) };
        let inner = depth.saturating_sub(1);
        match choice {
            8 => format!(
                "{{{{if {}}}}}{}{{{{else}}}}{}{{{{end}}}}",
                self.pipeline(2),
                self.node(inner),
                self.node(inner)
            ),
            9 => format!(
                "{{{{with {}}}}}[{{{{.}}}}]{}{{{{end}}}}",
                self.pipeline(2),
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
            ]));
        }
        text
    }

    fn call(&mut self, depth: usize) -> String {
        let functions: Vec<&str> = FUNCTIONS.split_whitespace().collect();
        let function = functions[self.below(functions.len())];
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
                // Now and then something of another type.
                let kind = if self.below(40) == 0 { 'a' } else { kind };
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
            0 => self
                .one(&[".nope", ".m.a.z", ".d.z.p", ".m.nope", "nil", "1e21", "1e-7", "'x'", "1i"]),
            _ => self.argument(char::from(kind), 0),
        }
    }
}
