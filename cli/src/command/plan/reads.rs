//! The values that the objects of each store read, and how often.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crds::{
    ExternalSecretSpec,
    external_secret::{
        DEFAULT_REFRESH_INTERVAL, Find, MetadataPolicy, RefreshPolicy, RemoteRef, SourceRef,
    },
    go_duration,
    secret_store::{Aws, AwsService},
};

use super::{
    identity::{Chain, is_per_namespace},
    manifests::{Manifests, StoreKey, quoted},
    prices::MONTH,
    windows::Openings,
};
use crate::report::Report;

/// Something that AWS is asked for.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Read {
    /// A secret, by name or ARN. Without a version: that with the label AWSCURRENT.
    Secret {
        id: String,
        version: String,
    },
    SecretTags {
        id: String,
    },
    SecretsFound(Filter),
    /// A parameter, by name or ARN.
    Parameter {
        name: String,
        version: String,
    },
    ParameterTags {
        name: String,
    },
    ParametersFound(Filter),
}

/// The filter of a `find`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Filter {
    /// The beginning of the names.
    pub(super) path: String,
    /// The level of the hierarchy of Parameter Store that is listed.
    pub(super) level: String,
    pub(super) tags: BTreeMap<String, String>,
}

impl Filter {
    pub(super) fn is_empty(&self) -> bool {
        self.path.is_empty() && self.tags.is_empty()
    }
}

/// The objects that read with one identity.
pub(super) struct Reader {
    pub(super) chain: Chain,
    pub(super) reads: BTreeMap<Read, Refreshes>,
    pub(super) objects: Vec<Object>,
}

/// How many times a month something is read, at most, by three kinds of objects.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Refreshes {
    /// By those whose changes events announce, and lists or descriptions of versions show.
    pub(super) listed: u64,
    /// By those whose changes only events announce.
    pub(super) announced: u64,
    /// By others.
    pub(super) other: u64,
}

impl Refreshes {
    pub(super) fn most(self) -> u64 {
        self.listed.max(self.announced).max(self.other)
    }
}

/// The values that one ExternalSecret reads from the store.
pub(super) struct Object {
    pub(super) reads: BTreeSet<Read>,
    pub(super) refreshes: Refreshes,
}

/// A store of AWS and those who read from it.
pub(super) struct Store {
    pub(super) key: StoreKey,
    pub(super) aws: Aws,
    /// By namespace, if each one has an identity of its own. Otherwise, the namespace is empty.
    pub(super) readers: BTreeMap<String, Reader>,
}

impl Store {
    pub(super) fn objects(&self) -> usize {
        self.readers.values().map(|reader| reader.objects.len()).sum()
    }

    /// The reads of its objects, each one once.
    pub(super) fn reads(&self) -> BTreeSet<&Read> {
        self.readers.values().flat_map(|reader| reader.reads.keys()).collect()
    }
}

/// The stores in the manifests, sorted, with the reads of the ExternalSecrets.
pub(super) fn stores(manifests: &Manifests, report: &Report) -> Vec<Store> {
    let mut stores = usable(manifests, report);
    let mut missing = BTreeMap::<StoreKey, usize>::new();
    let mut openings = Openings::default();
    for ((namespace, name), object) in &manifests.externals {
        let sources = sources(&object.spec);
        if sources.flatten().any(|source| source.generator_ref.is_some()) {
            report.warning(&format!(
                "ExternalSecret {} is not counted: generators are not supported",
                quoted(namespace, name)
            ));
            continue;
        }
        let mut by_store = BTreeMap::<StoreKey, BTreeSet<Read>>::new();
        for (source, entry) in entries(&object.spec) {
            let reference = source.and_then(|source| source.store_ref.as_ref());
            let reference = reference.unwrap_or(&object.spec.secret_store_ref);
            let key = StoreKey::new(reference.kind, namespace, &reference.name);
            let read = stores.get(&key).map(|store| entry.read(&store.aws));
            by_store.entry(key).or_default().extend(read);
        }
        let refreshes = per_month_of(&object.spec, &mut openings);
        let all = |is: fn(&Read) -> bool| by_store.values().flatten().all(is);
        let none = Refreshes::default();
        let refreshes = if !has_own_templates(&object.spec) || !all(Read::is_value) {
            Refreshes { other: refreshes, ..none }
        } else if all(Read::has_told_version) {
            Refreshes { listed: refreshes, ..none }
        } else {
            Refreshes { announced: refreshes, ..none }
        };
        for (key, reads) in by_store {
            match stores.get_mut(&key) {
                Some(store) => store.add(namespace, Object { reads, refreshes }),
                None => *missing.entry(key).or_default() += 1,
            }
        }
    }
    for (key, objects) in missing.iter().filter(|(key, _)| !manifests.stores.contains_key(key)) {
        let what = match key.name.as_str() {
            "" => "no store is named",
            _ => &format!("{key} is not in the input"),
        };
        report.warning(&format!(
            "{what}: ExternalSecrets that read from it are not counted ({objects})"
        ));
    }
    stores.into_values().collect()
}

/// The stores that the controller can use, without readers.
fn usable(manifests: &Manifests, report: &Report) -> BTreeMap<StoreKey, Store> {
    let mut stores = BTreeMap::new();
    for (key, object) in &manifests.stores {
        let problem = match object.spec.aws() {
            Ok(aws) if aws.service == AwsService::CertificateManager => {
                "the service CertificateManager is not supported".to_owned()
            }
            Ok(aws) => {
                let store = Store { key: key.clone(), aws, readers: BTreeMap::new() };
                stores.insert(key.clone(), store);
                continue;
            }
            Err(problem) => problem.to_string(),
        };
        report.warning(&format!("{key} at {} is not counted: {problem}", object.origin));
    }
    stores
}

impl Read {
    /// Whether it is one value. Its changes are announced by events.
    fn is_value(&self) -> bool {
        matches!(self, Self::Secret { .. } | Self::Parameter { .. })
    }

    /// Whether AWS tells its version without the value. Of parameters, AWS describes neither labels nor old
    /// versions, and none by ARN.
    fn has_told_version(&self) -> bool {
        match self {
            Self::Secret { .. } => true,
            Self::Parameter { name, version } => version.is_empty() && !name.contains(':'),
            _ => false,
        }
    }
}

/// Whether no template is in another object, whose changes also change the Secret.
fn has_own_templates(spec: &ExternalSecretSpec) -> bool {
    let templates = spec.target.template.iter().flat_map(|template| &template.template_from);
    templates.into_iter().all(|from| from.config_map.is_none() && from.secret.is_none())
}

impl Store {
    fn add(&mut self, namespace: &str, object: Object) {
        let scope = if is_per_namespace(&self.key, &self.aws) { namespace } else { "" };
        let reader = self.readers.entry(scope.to_owned()).or_insert_with(|| Reader {
            chain: Chain::of(&self.key, &self.aws, namespace),
            reads: BTreeMap::new(),
            objects: Vec::new(),
        });
        for read in &object.reads {
            let refreshes = reader.reads.entry(read.clone()).or_default();
            refreshes.listed = object.refreshes.listed.max(refreshes.listed);
            refreshes.announced = object.refreshes.announced.max(refreshes.announced);
            refreshes.other = object.refreshes.other.max(refreshes.other);
        }
        reader.objects.push(object);
    }
}

enum Entry<'s> {
    Value(&'s RemoteRef),
    Found(&'s Find),
}

/// The sources of all entries.
fn sources(spec: &ExternalSecretSpec) -> impl Iterator<Item = Option<&SourceRef>> {
    let data = spec.data.iter().map(|data| data.source_ref.as_ref());
    data.chain(spec.data_from.iter().map(|from| from.source_ref.as_ref()))
}

/// The entries of `data` and `dataFrom`, with their own sources.
fn entries(spec: &ExternalSecretSpec) -> impl Iterator<Item = (Option<&SourceRef>, Entry<'_>)> {
    let data = spec.data.iter().map(|data| Entry::Value(&data.remote_ref)).map(Some);
    let data_from = spec.data_from.iter().map(|from| {
        let value = from.extract.as_ref().map(Entry::Value);
        value.or_else(|| from.find.as_ref().map(Entry::Found))
    });
    sources(spec).zip(data.chain(data_from)).filter_map(|(source, entry)| Some((source, entry?)))
}

impl Entry<'_> {
    fn read(&self, aws: &Aws) -> Read {
        let is_secret = aws.service == AwsService::SecretsManager;
        match self {
            Self::Value(reference) => {
                let key = format!("{}{}", aws.prefix, reference.key);
                match (is_secret, reference.metadata_policy) {
                    (true, MetadataPolicy::Fetch) => Read::SecretTags { id: key },
                    (false, MetadataPolicy::Fetch) => Read::ParameterTags { name: key },
                    (true, MetadataPolicy::None) => {
                        let version = reference.version.clone();
                        Read::Secret { id: key, version: current(version) }
                    }
                    (false, MetadataPolicy::None) => {
                        Read::Parameter { name: key, version: reference.version.clone() }
                    }
                }
            }
            Self::Found(find) => {
                let path = format!("{}{}", aws.prefix, find.path.as_deref().unwrap_or_default());
                // Without a path, the prefix of the store may end within a name.
                let level = match &find.path {
                    None => path.rsplit_once('/').map_or("", |(level, _)| level),
                    Some(_) => &path,
                };
                let level = level.to_owned();
                let filter = Filter { path, level, tags: find.tags.clone() };
                if is_secret { Read::SecretsFound(filter) } else { Read::ParametersFound(filter) }
            }
        }
    }
}

/// The label AWSCURRENT is the default.
fn current(version: String) -> String {
    if version == "AWSCURRENT" { String::new() } else { version }
}

/// How many times a month the object reads its values while nothing changes.
fn per_month_of(spec: &ExternalSecretSpec, openings: &mut Openings) -> u64 {
    let interval = spec.refresh_interval.as_deref().and_then(go_duration::parse);
    let interval = interval.unwrap_or(DEFAULT_REFRESH_INTERVAL);
    if spec.refresh_policy != RefreshPolicy::Periodic || interval.is_zero() {
        return 0;
    }
    match &spec.sync_windows {
        Some(windows) => openings.per_month(windows, interval),
        None => per_month(interval),
    }
}

/// How many intervals a month has.
pub(super) fn per_month(interval: Duration) -> u64 {
    let count = MONTH.as_nanos() / interval.as_nanos().max(1);
    u64::try_from(count).unwrap_or(u64::MAX)
}
