//! Groups of functions, as documentation lists them.

use gotemplate::Function;

/// Functions that documentation lists together, and their heading.
pub(super) type Group = (&'static str, &'static [Function]);
