//! Which environments of a project file to use.

/// The environments to seal for.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Environments {
    /// `--all-envs`
    All,
    /// `--env`
    Named(Vec<String>),
    /// None: the fields of the project file.
    #[default]
    None,
}
