//! Errors and their positions.

use crate::{
    error::{Failure, RenderErrorKind},
    limits::Limit,
};

/// An error, and the byte of the template's text where it occurred.
pub(super) struct Raised {
    pub(super) at: u32,
    pub(super) kind: Box<RenderErrorKind>,
}

pub(super) type Evaluated<T> = Result<T, Raised>;

pub(super) fn raise<T>(at: u32, kind: RenderErrorKind) -> Evaluated<T> {
    Err(Raised { at, kind: Box::new(kind) })
}

/// Adds the position to an error.
pub(super) trait At<T> {
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
