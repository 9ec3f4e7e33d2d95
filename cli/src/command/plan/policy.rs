//! The fewest permissions that each identity needs. Pure.

mod document;
mod grants;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use self::document::{MAX_POLICY_CHARS, Policy};
use self::grants::{Grants, Purpose};
use super::{
    assumptions::Assumptions,
    checks::Checks,
    cost::Mode,
    identity::Identity,
    place::Place,
    reads::{Read, Reader, Store},
};
use crate::arn::{self, Arn, EventQueue};

/// The choices of the user.
pub(super) struct Options<'a> {
    pub(super) mode: Mode,
    /// By region.
    pub(super) assumptions: &'a BTreeMap<String, Assumptions>,
    /// `*` if it is unknown.
    pub(super) account: String,
    pub(super) kms_keys: Vec<Arn>,
    pub(super) event_queues: Vec<EventQueue>,
}

/// The permissions of each identity, and the problems of names that are left out.
#[derive(Default)]
pub(super) struct Policies {
    pub(super) grants: BTreeMap<Identity, Grants>,
    pub(super) problems: BTreeSet<String>,
}

impl Policies {
    pub(super) fn of(stores: &[Store], options: &Options<'_>) -> Self {
        let mut policies = Self::default();
        for store in stores {
            for reader in store.readers.values() {
                policies.add_reader(store, reader, options);
            }
        }
        if options.mode == Mode::Events {
            for EventQueue { queue, role } in &options.event_queues {
                let role = role.as_ref().map(|role| Identity::Role(role.as_str().to_owned()));
                if let Some(Identity::Role(role)) = &role {
                    policies.grant(&Identity::Pod, Purpose::AssumeRoles, role);
                }
                let identity = role.unwrap_or(Identity::Pod);
                policies.grant(&identity, Purpose::ReceiveEvents, queue.as_str());
            }
        }
        let statements =
            policies.grants.values_mut().flat_map(|grants| grants.statements.values_mut());
        statements.for_each(remove_covered);
        policies
    }

    fn add_reader(&mut self, store: &Store, reader: &Reader, options: &Options<'_>) {
        for identity in &reader.chain.identities {
            self.grants.entry(identity.clone()).or_default().stores.insert(store.key.to_string());
        }
        self.add_roles(store, reader);
        let identity = reader.chain.reader();
        let place = Place { region: &store.aws.region, account: &options.account };
        for read in reader.reads.keys() {
            for (purpose, resource) in wanted(read, place) {
                match resource {
                    Some(resource) => self.grant(identity, purpose, &resource),
                    None => self.leave_out(store, read),
                }
            }
        }
        self.add_lists(reader, place, options);
        self.add_batches(reader, place);
        self.add_keys(reader, place, &options.kms_keys);
    }

    fn add_roles(&mut self, store: &Store, reader: &Reader) {
        let identities = &reader.chain.identities;
        for (index, pair) in identities.windows(2).enumerate() {
            let [from, Identity::Role(to)] = pair else { continue };
            let Some(role) = arn::role(to) else {
                let problem =
                    format!("{}: {} is not the ARN of a role", store.key, to.escape_debug());
                self.problems.insert(problem);
                continue;
            };
            let is_last = index + 2 == identities.len();
            let purpose = if is_last && reader.chain.has_session_tags {
                Purpose::AssumeRolesWithTags
            } else {
                Purpose::AssumeRoles
            };
            self.grant(from, purpose, role.as_str());
        }
    }

    /// `find` needs lists. Where the queue is silent, lists and descriptions also replace events.
    fn add_lists(&mut self, reader: &Reader, place: Place<'_>, options: &Options<'_>) {
        let identity = reader.chain.reader();
        for read in reader.reads.keys() {
            match read {
                Read::SecretsFound(_) => self.grant(identity, Purpose::ListSecrets, "*"),
                Read::ParametersFound(filter) if !filter.tags.is_empty() => {
                    self.grant(identity, Purpose::DescribeParameters, "*");
                }
                _ => {}
            }
        }
        let with = options.assumptions.get(place.region).filter(|_| options.mode != Mode::Batches);
        let Some(with) = with else { return };
        let Checks { listed, described } = Checks::of(reader, with);
        if !listed.is_empty() {
            self.grant(identity, Purpose::ListSecrets, "*");
        }
        for read in described.keys() {
            match read {
                Read::Secret { id, .. } => {
                    if let Some(secret) = place.secret(id) {
                        self.grant(identity, Purpose::DescribeSecrets, &secret);
                    }
                }
                _ => self.grant(identity, Purpose::DescribeParameters, "*"),
            }
        }
    }

    /// Batches need several values.
    fn add_batches(&mut self, reader: &Reader, place: Place<'_>) {
        let is_secret = |read: &&Read| match read {
            Read::Secret { version, .. } => version.is_empty(),
            Read::SecretsFound(_) => true,
            _ => false,
        };
        let is_parameter = |read: &&Read| match read {
            Read::Parameter { .. } => true,
            Read::ParametersFound(filter) => !filter.tags.is_empty(),
            _ => false,
        };
        let finds = |read: &Read| matches!(read, Read::SecretsFound(_) | Read::ParametersFound(_));
        let identity = reader.chain.reader();
        let is_many = |reads: &[&Read]| reads.len() > 1 || reads.iter().any(|read| finds(read));
        let secrets: Vec<_> = reader.reads.keys().filter(is_secret).collect();
        if is_many(&secrets) {
            self.grant(identity, Purpose::ReadSecretsInBatches, "*");
        }
        let parameters: Vec<_> = reader.reads.keys().filter(is_parameter).collect();
        if is_many(&parameters) {
            for (purpose, resource) in parameters.iter().flat_map(|read| wanted(read, place)) {
                if let (Purpose::ReadParameters, Some(resource)) = (purpose, resource) {
                    self.grant(identity, Purpose::ReadParametersInBatches, &resource);
                }
            }
        }
    }

    /// Keys belong to a region.
    fn add_keys(&mut self, reader: &Reader, place: Place<'_>, keys: &[Arn]) {
        let is_secret = |read: &Read| matches!(read, Read::Secret { .. } | Read::SecretsFound(_));
        let is_parameter =
            |read: &Read| matches!(read, Read::Parameter { .. } | Read::ParametersFound(_));
        let mut services = Vec::new();
        if reader.reads.keys().any(is_secret) {
            services.push("secretsmanager");
        }
        if reader.reads.keys().any(is_parameter) {
            services.push("ssm");
        }
        let identity = reader.chain.reader();
        for key in keys.iter().filter(|key| key.region == place.region) {
            for service in &services {
                self.grant(identity, Purpose::DecryptValues, key.as_str());
                let grants = self.grants.entry(identity.clone()).or_default();
                grants.endpoints.insert(place.endpoint(service));
            }
        }
    }

    fn grant(&mut self, identity: &Identity, purpose: Purpose, resource: &str) {
        let grants = self.grants.entry(identity.clone()).or_default();
        grants.statements.entry(purpose).or_default().insert(resource.to_owned());
    }

    fn leave_out(&mut self, store: &Store, read: &Read) {
        let name = match read {
            Read::Secret { id: name, .. }
            | Read::SecretTags { id: name }
            | Read::Parameter { name, .. }
            | Read::ParameterTags { name } => name,
            Read::SecretsFound(filter) | Read::ParametersFound(filter) => &filter.path,
        };
        let name: String = name.chars().take(80).collect();
        let problem = format!("{}: {name:?} is not a name in AWS", store.key);
        self.problems.insert(problem);
    }
}

/// Removes resources that another pattern covers.
fn remove_covered(resources: &mut BTreeSet<String>) {
    let starts = resources.iter().filter_map(|pattern| pattern.strip_suffix('*'));
    let starts: Vec<_> = starts.map(ToOwned::to_owned).collect();
    resources.retain(|resource| {
        let is_covered = |start: &String| {
            resource.starts_with(start.as_str()) && resource.len() > start.len() + 1
        };
        !starts.iter().any(is_covered)
    });
}

/// The permissions that a read needs. No resource: AWS accepts no such name.
fn wanted(read: &Read, place: Place<'_>) -> Vec<(Purpose, Option<String>)> {
    match read {
        Read::Secret { id, .. } => vec![(Purpose::ReadSecrets, place.secret(id))],
        Read::SecretTags { id } => vec![(Purpose::DescribeSecrets, place.secret(id))],
        Read::SecretsFound(filter) => {
            let secrets = place.secrets(&filter.path);
            let mut wanted = vec![(Purpose::ReadSecrets, secrets.clone())];
            // The tags of a secret that a late list does not show.
            if !filter.tags.is_empty() {
                wanted.push((Purpose::DescribeSecrets, secrets));
            }
            wanted
        }
        Read::Parameter { name, .. } => vec![(Purpose::ReadParameters, place.parameter(name))],
        Read::ParameterTags { name } => {
            vec![(Purpose::ReadParameterTags, place.parameter(name))]
        }
        Read::ParametersFound(filter) => {
            let parameters = place.parameters(&filter.path);
            let other = if filter.tags.is_empty() {
                (Purpose::FindParameters, place.parameters(&filter.level))
            } else {
                (Purpose::ReadParameterTags, parameters.clone())
            };
            vec![(Purpose::ReadParameters, parameters), other]
        }
    }
}

#[cfg(test)]
mod tests;
