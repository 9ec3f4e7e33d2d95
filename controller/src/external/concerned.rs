//! Which entries of an object an event concerns: pure.

use std::sync::Arc;

use crds::{
    ExternalSecretSpec,
    external_secret::{MetadataPolicy, RemoteRef, SourceRef},
    secret_store::AwsService,
};

use super::{
    names::{name_of_arn, trimmed},
    place::Place,
    read::request,
    store::{Store, StoreKey},
    versions,
};
use crate::aws::{
    ReadRequest, Version,
    events::{Hint, without_suffix},
};

/// An entry whose value may have changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Concerned {
    /// The key in `status.versions` under which the next read takes the version in the hint.
    pub(super) version_key: Option<String>,
    pub(super) store: StoreKey,
    /// Whether the value has only the path of a `find`, whose expression may not match.
    pub(super) is_find: bool,
}

pub(super) fn concerned(
    spec: &ExternalSecretSpec,
    namespace: &str,
    store: impl Fn(&StoreKey) -> Option<Arc<Store>>,
    hint: &Hint,
) -> Vec<Concerned> {
    let store_of = |source: Option<&SourceRef>| {
        let named = source.and_then(|source| source.store_ref.as_ref());
        let store = store(&StoreKey::of(named.unwrap_or(&spec.secret_store_ref), namespace))?;
        store.place.as_ref().is_some_and(|place| place.covers(hint)).then_some(store)
    };
    let one = |reference: &RemoteRef, source: Option<&SourceRef>| {
        let store = store_of(source)?;
        let place = store.place.as_ref()?;
        let request = request(place.service, &place.prefix, reference);
        let is_named = is_change(&request, hint)? == IsNamed(true);
        let has_name = request.name().is_some_and(|name| is_name(name, place, hint));
        let version_key = || versions::key(&versions::scope(&store, None), &request);
        has_name.then(|| Concerned {
            version_key: is_named.then(version_key).flatten(),
            store: store.key.clone(),
            is_find: false,
        })
    };
    let data = spec.data.iter().filter_map(|data| one(&data.remote_ref, data.source_ref.as_ref()));
    let data_from = spec.data_from.iter().filter_map(|from| {
        let source = from.source_ref.as_ref();
        if let Some(reference) = &from.extract {
            return one(reference, source);
        }
        let (find, store) = (from.find.as_ref()?, store_of(source)?);
        let place = store.place.as_ref()?;
        let path = find.path.as_deref().unwrap_or_default();
        let below =
            hint.name.strip_prefix(&place.prefix).is_some_and(|name| name.starts_with(path));
        let is_found = below && place.is_account_of(hint) && is_current(hint);
        let is_parameter = place.service == AwsService::ParameterStore;
        let request = if is_parameter {
            ReadRequest::Parameter { name: hint.name.clone() }
        } else {
            ReadRequest::current(&hint.name)
        };
        let version_key = || versions::key(&versions::scope(&store, Some(find)), &request);
        is_found.then(|| Concerned {
            version_key: if is_parameter || hint.label.is_some() { version_key() } else { None },
            store: store.key.clone(),
            is_find: true,
        })
    });
    data.chain(data_from).collect()
}

/// Whether events announce each change of what the object reads. Nothing announces changes of tags, and of the
/// templates in other objects. And when an event announces a new name, lists may lack it for minutes.
pub(super) fn is_announced(spec: &ExternalSecretSpec) -> bool {
    let extracts = spec.data_from.iter().filter_map(|from| from.extract.as_ref());
    let mut references = spec.data.iter().map(|data| &data.remote_ref).chain(extracts);
    let reads_tags = references.any(|one| one.metadata_policy == MetadataPolicy::Fetch);
    let finds = spec.data_from.iter().any(|from| from.find.is_some());
    let template_from = spec.target.template.iter().flat_map(|template| &template.template_from);
    let mut sources =
        template_from.filter(|from| from.config_map.is_some() || from.secret.is_some());
    !reads_tags && !finds && sources.next().is_none()
}

/// Whether the version that changed is the one that the request reads.
#[derive(Eq, PartialEq)]
struct IsNamed(bool);

/// None: the request reads something else.
fn is_change(request: &ReadRequest, hint: &Hint) -> Option<IsNamed> {
    let Some(label) = &hint.label else {
        let is_parameter = matches!(request, ReadRequest::Parameter { .. });
        return Some(IsNamed(is_parameter));
    };
    match request {
        ReadRequest::Secret { version: Version::Stage(stage), .. } if stage == label => {
            Some(IsNamed(true))
        }
        // AWS moves this label together with the current one, without an event of its own.
        ReadRequest::Secret { version: Version::Stage(stage), .. } if stage == "AWSPREVIOUS" => {
            is_current(hint).then_some(IsNamed(false))
        }
        _ => None,
    }
}

fn is_current(hint: &Hint) -> bool {
    hint.label.as_ref().is_none_or(|label| label == Version::CURRENT)
}

/// Whether an entry with this name or ARN reads what the hint names.
fn is_name(name: &str, place: &Place, hint: &Hint) -> bool {
    let is_parameter = place.service == AwsService::ParameterStore;
    if !name.starts_with("arn:") {
        let is_same =
            if is_parameter { trimmed(name) == trimmed(&hint.name) } else { name == hint.name };
        return is_same && place.is_account_of(hint);
    }
    if let Some(arn) = &hint.arn {
        return name == arn || without_suffix(arn) == Some(name);
    }
    let mut parts = name.split(':').skip(3);
    let is_there = parts.next() == Some(&hint.region) && parts.next() == Some(&hint.account);
    let Some(own) = name_of_arn(name).filter(|_| is_there) else { return false };
    let (own, hinted) = (trimmed(own), trimmed(&hint.name));
    own == hinted || !is_parameter && without_suffix(own) == Some(hinted)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::external::store;

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:team/db-AbCdEf";

    fn hint(name: &str, arn: Option<&str>, label: Option<&str>) -> Hint {
        Hint {
            service: AwsService::SecretsManager,
            account: "123456789012".into(),
            region: "eu-west-1".into(),
            name: name.into(),
            arn: arn.map(Into::into),
            label: label.map(Into::into),
            version: Some("v2".into()),
            at: Timestamp::UNIX_EPOCH,
        }
    }

    /// For each entry that the hint concerns, whether its version is known.
    fn of(spec: Value, aws: Value, hint: &Hint) -> Vec<bool> {
        let mut spec = spec;
        spec["secretStoreRef"] = json!({ "name": "aws" });
        let spec: ExternalSecretSpec = serde_json::from_value(spec).unwrap();
        let store = Arc::new(store::tests::store("n", "aws", aws));
        let find = |key: &StoreKey| (*key == store.key).then(|| store.clone());
        concerned(&spec, "n", find, hint).iter().map(|one| one.version_key.is_some()).collect()
    }

    fn secrets(more: Value) -> Value {
        let mut aws = json!({ "service": "SecretsManager", "region": "eu-west-1" });
        aws.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        aws
    }

    fn data(reference: Value) -> Value {
        json!({ "data": [{ "secretKey": "A", "remoteRef": reference }] })
    }

    #[test]
    fn entry_is_concerned_by_its_own_name_or_arn_only() {
        let current = Some("AWSCURRENT");
        let other_account = ARN.replace("123456789012", "210987654321");
        let stem = ARN.strip_suffix("-AbCdEf").unwrap();
        for (key, is_concerned) in [
            ("team/db", true),
            (ARN, true),
            (stem, true),
            ("team/d", false),
            ("team/db-AbCdEf", false),
            (&other_account, false),
        ] {
            let spec = data(json!({ "key": key }));
            let expected = if is_concerned { vec![true] } else { vec![] };
            let whole = hint("team/db", Some(ARN), current);
            assert_eq!(of(spec.clone(), secrets(json!({})), &whole), expected, "{key}");
            let by_name = hint("team/db", None, current);
            assert_eq!(of(spec, secrets(json!({})), &by_name), expected, "{key}");
        }
    }

    #[test]
    fn events_of_other_regions_accounts_services_and_prefixes_concern_nothing() {
        let whole = hint("team/db", Some(ARN), Some("AWSCURRENT"));
        let role = |account| json!({ "role": format!("arn:aws:iam::{account}:role/r") });
        for (key, aws, is_concerned) in [
            ("team/db", secrets(json!({ "region": "eu-central-1" })), false),
            ("team/db", secrets(role("210987654321")), false),
            ("team/db", secrets(role("123456789012")), true),
            ("team/db", secrets(json!({ "service": "ParameterStore" })), false),
            ("team/db", secrets(json!({ "prefix": "team/" })), false),
            ("db", secrets(json!({ "prefix": "team/" })), true),
        ] {
            let found = of(data(json!({ "key": key })), aws.clone(), &whole);
            assert_eq!(!found.is_empty(), is_concerned, "{key} {aws}");
        }
    }

    #[test]
    fn label_concerns_the_entries_that_read_it() {
        let by = |version: &str, label: Option<&str>| {
            let spec = data(json!({ "key": "team/db", "version": version }));
            of(spec, secrets(json!({})), &hint("team/db", Some(ARN), label))
        };
        assert_eq!(by("", Some("AWSCURRENT")), [true]);
        assert_eq!(by("", Some("blue")), [false; 0]);
        assert_eq!(by("blue", Some("blue")), [true]);
        assert_eq!(by("AWSPREVIOUS", Some("AWSCURRENT")), [false], "it moves as well");
        assert_eq!(by("uuid/v1", Some("AWSCURRENT")), [false; 0], "it never changes");
        assert_eq!(by("uuid/v1", None), [false], "but it may be deleted");
        let tags = data(json!({ "key": "team/db", "metadataPolicy": "Fetch" }));
        assert!(
            of(tags, secrets(json!({})), &hint("team/db", None, Some("AWSCURRENT"))).is_empty()
        );
    }

    #[test]
    fn tags_lists_and_templates_of_others_are_not_announced() {
        let entry = |reference: Value| json!({ "secretKey": "A", "remoteRef": reference });
        let template =
            |from: Value| json!({ "target": { "template": { "templateFrom": [from] } } });
        let find = |find: Value| json!({ "dataFrom": [{ "find": find }] });
        for (spec, expected) in [
            (json!({ "data": [entry(json!({ "key": "a" }))] }), true),
            (json!({ "data": [entry(json!({ "key": "a", "metadataPolicy": "Fetch" }))] }), false),
            (
                json!({ "dataFrom": [{ "extract": { "key": "a", "metadataPolicy": "Fetch" } }] }),
                false,
            ),
            (find(json!({ "name": { "regexp": "." } })), false),
            (find(json!({ "tags": { "a": "b" } })), false),
            (template(json!({ "literal": "x" })), true),
            (template(json!({ "configMap": { "name": "t", "items": [] } })), false),
        ] {
            let parsed: ExternalSecretSpec = serde_json::from_value(spec.clone()).unwrap();
            assert_eq!(is_announced(&parsed), expected, "{spec}");
        }
    }

    #[test]
    fn find_is_concerned_by_names_in_its_path() {
        let by = |find: Value, name: &str| {
            let spec = json!({ "dataFrom": [{ "find": find }] });
            let hint = hint(name, None, Some("AWSCURRENT"));
            !of(spec, secrets(json!({ "prefix": "team/" })), &hint).is_empty()
        };
        assert!(by(json!({ "name": { "regexp": "." } }), "team/a/b"));
        assert!(!by(json!({ "name": { "regexp": "." } }), "other/a/b"));
        assert!(by(json!({ "path": "a/", "name": { "regexp": "." } }), "team/a/b"));
        assert!(!by(json!({ "path": "c/", "name": { "regexp": "." } }), "team/a/b"));
    }

    #[test]
    fn parameter_is_concerned_with_and_without_its_slash() {
        let of = |key: &str| {
            let service = AwsService::ParameterStore;
            let hint = Hint { service, ..hint("/team/db", None, None) };
            !of(data(json!({ "key": key })), secrets(json!({ "service": "ParameterStore" })), &hint)
                .is_empty()
        };
        assert!(of("/team/db"));
        assert!(of("/team/db:3"));
        assert!(of("arn:aws:ssm:eu-west-1:123456789012:parameter/team/db"));
        assert!(!of("arn:aws:ssm:eu-west-1:210987654321:parameter/team/db"));
        assert!(!of("/team/dbs"));
    }
}
