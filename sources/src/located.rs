//! A problem and the line it is on.

/// A problem and the line it is on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Located<P> {
    /// The line, counted from 1. None if the problem concerns the whole text.
    pub line: Option<usize>,
    /// The problem.
    pub problem: P,
}

impl<P> Located<P> {
    /// A problem on one line.
    pub(crate) fn at_line(line: usize, problem: P) -> Self {
        Self { line: Some(line), problem }
    }

    /// A problem with the whole text.
    pub(crate) fn whole_text(problem: P) -> Self {
        Self { line: None, problem }
    }
}
