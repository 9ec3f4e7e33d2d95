//! Promotion and rollback are commits that change what they should, and nothing else.

use std::collections::BTreeMap;
use std::path::Path;

use chart_tests::objects;
use serde_json::Value;

use crate::repository::Repository;
use crate::{ENVIRONMENTS, flux};

#[test]
fn promotion_changes_only_the_promoted_release() {
    let repository = Repository::new();
    repository.replace("apps/web/envs/aws-dev/release.yaml", "tag: 0.1.0", "tag: 0.2.0");
    repository.replace("apps/web/envs/aws-dev/env.yaml", "chart: 0.1.0", "chart: 0.1.1");
    repository.commit("Release 0.2.0 in dev");
    let before = rendered(repository.path());
    repository.succeed("bin/promote", &["web", "aws-dev", "aws-prod"]);
    let after = rendered(repository.path());
    let expected = [
        "aws-prod/ConfigMap/web-release/data/values.yaml",
        "aws-prod/Deployment/web/spec/template/spec/containers/0/image",
        "aws-prod/OCIRepository/web/spec/ref/tag",
        "aws-prod/Pod/web-test-config/spec/containers/0/image",
        "aws-prod/Pod/web-test-secrets/spec/containers/0/image",
    ];
    assert_eq!(differences(&before, &after), expected);
    let subject = repository.succeed("git", &["log", "-1", "--format=%s"]);
    assert_eq!(subject.trim(), "Promote web from aws-dev to aws-prod");
}

#[test]
fn rollback_restores_the_release() {
    let repository = Repository::new();
    let before = rendered(repository.path());
    repository.replace("apps/web/envs/aws-dev/release.yaml", "tag: 0.1.0", "tag: 0.2.0");
    repository.commit("Release 0.2.0 in dev");
    repository.succeed("bin/promote", &["web", "aws-dev", "aws-prod"]);
    assert_ne!(rendered(repository.path()), before);
    repository.succeed("git", &["revert", "--no-edit", "HEAD"]);
    let changed = differences(&before, &rendered(repository.path()));
    assert!(changed.iter().all(|place| place.starts_with("aws-dev/")), "{changed:?}");
    assert!(!changed.is_empty());
}

/// Each cluster has its own key, and each account its own values.
#[test]
fn promotion_copies_no_secret() {
    let repository = Repository::new();
    repository.replace("apps/web/envs/pi/release.yaml", "tag: 0.1.0", "tag: 0.2.0");
    repository.commit("Release 0.2.0 on the Pi");
    repository.succeed("bin/promote", &["web", "pi", "aws-dev"]);
    let files = repository.succeed("git", &["diff", "--name-only", "HEAD~"]);
    assert_eq!(files.trim(), "apps/web/envs/aws-dev/release.yaml");
}

#[test]
fn promotion_refuses_uncommitted_changes_and_unknown_environments() {
    let repository = Repository::new();
    repository.replace("apps/web/envs/aws-dev/release.yaml", "tag: 0.1.0", "tag: 0.2.0");
    let error = repository.fail("bin/promote", &["web", "aws-dev", "aws-prod"]);
    assert!(error.contains("commit your changes"), "{error}");
    let error = repository.fail("bin/promote", &["web", "aws-dev", "aws-test"]);
    assert!(error.contains("no apps/web/envs/aws-test/env.yaml"), "{error}");
}

/// All values in all objects of all environments, by their place.
fn rendered(repository: &Path) -> BTreeMap<String, String> {
    let mut places = BTreeMap::new();
    for environment in ENVIRONMENTS {
        let directory = repository.join("apps/web/envs").join(environment);
        let mut objects = flux::build(&directory);
        objects.extend(flux::build(&directory.join("manifests")));
        objects.extend(flux::release(&directory));
        for object in &objects {
            flatten(&format!("{environment}/{}", objects::name(object)), object, &mut places);
        }
    }
    places
}

fn flatten(place: &str, value: &Value, places: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                flatten(&format!("{place}/{name}"), value, places);
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                flatten(&format!("{place}/{index}"), value, places);
            }
        }
        leaf => {
            places.insert(place.to_owned(), leaf.to_string());
        }
    }
}

fn differences(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) -> Vec<String> {
    let places = one.keys().chain(other.keys());
    let mut differences: Vec<_> =
        places.filter(|place| one.get(*place) != other.get(*place)).cloned().collect();
    differences.sort();
    differences.dedup();
    differences
}
