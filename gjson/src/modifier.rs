//! The names of the modifiers.

#[derive(Clone, Copy)]
pub(crate) enum Modifier {
    Dig,
    Flatten,
    Fromstr,
    Group,
    Join,
    Keys,
    Pretty,
    Reverse,
    This,
    Tostr,
    Ugly,
    Valid,
    Values,
}

impl Modifier {
    pub(crate) fn by_name(name: &[u8]) -> Option<Self> {
        Some(match name {
            b"dig" => Self::Dig,
            b"flatten" => Self::Flatten,
            b"fromstr" => Self::Fromstr,
            b"group" => Self::Group,
            b"join" => Self::Join,
            b"keys" => Self::Keys,
            b"pretty" => Self::Pretty,
            b"reverse" => Self::Reverse,
            b"this" => Self::This,
            b"tostr" => Self::Tostr,
            b"ugly" => Self::Ugly,
            b"valid" => Self::Valid,
            b"values" => Self::Values,
            _ => return None,
        })
    }
}
