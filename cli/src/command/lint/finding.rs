//! A finding: a place, a rule and a message that contains no value.

/// The rules. Their names are part of the output, so they stay.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Rule {
    DamagedItem,
    InvalidKey,
    KeySize,
    Malformed,
    NoName,
    PlainSecret,
    PlainValues,
    Scope,
    TemplateName,
    TemplateNamespace,
    TemplateScope,
    Unreadable,
}

impl Rule {
    pub(super) const ALL: [Self; 12] = [
        Self::DamagedItem,
        Self::InvalidKey,
        Self::KeySize,
        Self::Malformed,
        Self::NoName,
        Self::PlainSecret,
        Self::PlainValues,
        Self::Scope,
        Self::TemplateName,
        Self::TemplateNamespace,
        Self::TemplateScope,
        Self::Unreadable,
    ];

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::DamagedItem => "damaged-item",
            Self::InvalidKey => "invalid-key",
            Self::KeySize => "key-size",
            Self::Malformed => "malformed",
            Self::NoName => "no-name",
            Self::PlainSecret => "plain-secret",
            Self::PlainValues => "plain-values",
            Self::Scope => "scope",
            Self::TemplateName => "template-name",
            Self::TemplateNamespace => "template-namespace",
            Self::TemplateScope => "template-scope",
            Self::Unreadable => "unreadable",
        }
    }

    pub(super) fn summary(self) -> &'static str {
        match self {
            Self::DamagedItem => "A sealed item is damaged",
            Self::InvalidKey => "The key of an item is not valid in a Secret",
            Self::KeySize => "An item was sealed for a key of another size than the certificate's",
            Self::Malformed => "A manifest with Secrets cannot be parsed",
            Self::NoName => "A SealedSecret has no name",
            Self::PlainSecret => "A Secret contains a value that is not sealed",
            Self::PlainValues => "A dotenv or tfvars file contains a secret that is not sealed",
            Self::Scope => "The annotations of the scope contradict each other or have no effect",
            Self::TemplateName => "The template has another name than the SealedSecret",
            Self::TemplateNamespace => "The template has another namespace than the SealedSecret",
            Self::TemplateScope => "The template has another scope than the SealedSecret",
            Self::Unreadable => "A file cannot be read",
        }
    }

    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::DamagedItem => "seal the value again with `mtk-seal set KEY FILE`",
            Self::InvalidKey => {
                "a key has at most 253 letters, digits, `-`, `_` and `.`; `mtk-seal rename` changes it"
            }
            Self::KeySize => {
                "seal for the certificate with `mtk-seal re-encrypt` or `mtk-seal set`"
            }
            Self::Malformed => "correct the syntax",
            Self::NoName => "set `metadata.name` to the name that the items were sealed for",
            Self::PlainSecret => {
                "seal the manifest with `mtk-seal FILE -w sealed.yaml`, and replace the value, because git keeps it"
            }
            Self::PlainValues => {
                "seal the file with `mtk-seal FILE -w sealed.yaml`, run `git rm --cached FILE`, and add it to .gitignore"
            }
            Self::Scope => {
                "set one annotation to the string \"true\", or none for the scope strict"
            }
            Self::TemplateName | Self::TemplateNamespace => {
                "remove it from the template: the Secret has that of the SealedSecret"
            }
            Self::TemplateScope => {
                "set the annotations of the SealedSecret, which decide the scope"
            }
            Self::Unreadable => "the file must be a regular file of at most 16 MiB in UTF-8",
        }
    }
}

/// A finding.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Finding {
    pub(super) file: String,
    /// Counted from 1.
    pub(super) line: usize,
    /// In characters, counted from 1.
    pub(super) column: usize,
    pub(super) rule: Rule,
    pub(super) message: String,
}

/// The findings in one text.
pub(super) struct Checked<'a> {
    file: &'a str,
    lines: Vec<&'a str>,
    pub(super) findings: Vec<Finding>,
}

impl<'a> Checked<'a> {
    pub(super) fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, lines: text.lines().collect(), findings: Vec::new() }
    }

    /// Adds a finding at a word of a line, or else at the start of its text.
    pub(super) fn add(&mut self, line: usize, word: &str, rule: Rule, message: String) {
        let line = line.max(1);
        let text = self.lines.get(line - 1).copied().unwrap_or_default();
        let start = || text.len() - text.trim_start().len();
        let byte = text.find(word).filter(|_| !word.is_empty()).unwrap_or_else(start);
        let column = text.get(..byte).unwrap_or_default().chars().count() + 1;
        self.findings.push(Finding { file: self.file.to_owned(), line, column, rule, message });
    }

    /// The first line with this property, or 1.
    pub(super) fn line(&self, is_it: impl Fn(&str) -> bool) -> usize {
        self.lines.iter().position(|line| is_it(line)).map_or(1, |index| index + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn column_counts_characters_and_falls_back_to_the_first_of_the_line() {
        let mut checked = Checked::new("f", "é: {KEY: 1}\n  other: 2");
        checked.add(1, "KEY", Rule::Scope, String::new());
        checked.add(2, "KEY", Rule::Scope, String::new());
        checked.add(9, "KEY", Rule::Scope, String::new());
        let places: Vec<_> = checked.findings.iter().map(|f| (f.line, f.column)).collect();
        assert_eq!(places, [(1, 5), (2, 3), (9, 1)]);
    }

    #[test]
    fn rules_have_different_names() {
        let mut ids: Vec<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        ids.dedup();
        assert!(ids.is_sorted() && ids.len() == Rule::ALL.len());
    }
}
