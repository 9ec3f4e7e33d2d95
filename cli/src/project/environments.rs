//! The environments of a project file: the file again, with fields of their own.

use super::{Project, ProjectError};

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

impl Project {
    /// The environment of this name.
    pub(crate) fn environment(&self, name: &str) -> Result<Self, ProjectError> {
        let found = self.environments.iter().find(|(own, _)| own == name);
        let unknown = || ProjectError::UnknownEnvironment {
            name: name.escape_debug().to_string(),
            known: self.environments.iter().map(|(name, _)| name.clone()).collect(),
        };
        found.map(|(_, environment)| environment.clone()).ok_or_else(unknown)
    }

    /// All environments, or those of these names, without duplicates.
    pub(crate) fn environments(
        self,
        chosen: &Environments,
    ) -> Result<Vec<(String, Self)>, ProjectError> {
        let names = match chosen {
            Environments::All if self.environments.is_empty() => {
                return Err(ProjectError::NoEnvironments);
            }
            Environments::All | Environments::None => return Ok(self.environments),
            Environments::Named(names) => names,
        };
        let mut found: Vec<(String, Self)> = Vec::new();
        for name in names {
            if found.iter().all(|(other, _)| other != name) {
                found.push((name.clone(), self.environment(name)?));
            }
        }
        Ok(found)
    }
}
