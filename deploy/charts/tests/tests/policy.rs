//! `checkov.yaml` explains everything that checkov finds in the charts and Dockerfiles.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use chart_tests::checkov::{self, Exception, Finding};
use chart_tests::{Helm, Render, chart, parallel, schemas};

static FINDINGS: LazyLock<Vec<Finding>> = LazyLock::new(|| {
    let directory = tempfile::tempdir().unwrap();
    render(directory.path());
    copy_dockerfiles(directory.path());
    checkov::findings(directory.path()).unwrap()
});

static EXCEPTIONS: LazyLock<Vec<Exception>> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("checkov.yaml");
    checkov::exceptions(&path).unwrap()
});

#[test]
fn findings_of_checkov_are_explained() {
    let allowed = |finding: &&Finding| EXCEPTIONS.iter().any(|one| one.allows(finding).is_some());
    let mut unexplained: Vec<_> = FINDINGS
        .iter()
        .filter(|finding| !allowed(finding))
        .map(|finding| {
            let Finding { check, wanted, file, kind } = finding;
            format!("{check} {file} {kind}: {wanted}")
        })
        .collect();
    unexplained.sort();
    unexplained.dedup();
    assert!(unexplained.is_empty(), "not in checkov.yaml:\n{}", unexplained.join("\n"));
}

#[test]
fn exceptions_are_needed() {
    assert!(!FINDINGS.is_empty(), "checkov has found nothing at all");
    for exception in EXCEPTIONS.iter() {
        let used: Vec<_> = FINDINGS.iter().filter_map(|one| exception.allows(one)).collect();
        for place in &exception.places {
            let check = &exception.check;
            assert!(used.contains(&place.as_str()), "{check} has no finding for `{place}`");
        }
    }
}

#[test]
fn exceptions_are_unique_and_have_a_reason() {
    let mut checks: Vec<_> = EXCEPTIONS.iter().map(|exception| &exception.check).collect();
    checks.dedup();
    assert!(checks.is_sorted(), "sort them, one entry for each check: {checks:?}");
    assert_eq!(checks.len(), EXCEPTIONS.len());
    for exception in EXCEPTIONS.iter() {
        assert!(exception.reason.split_whitespace().count() > 3, "{}: why?", exception.check);
        assert!(!exception.places.is_empty(), "{}: where?", exception.check);
    }
}

/// Each values file of each chart: `CHART/CASE-values.yaml`.
fn render(directory: &Path) {
    let helm = Helm::four().unwrap();
    let api_versions = schemas::api_versions().unwrap();
    let mut work = Vec::new();
    for chart in chart::all().unwrap() {
        fs::create_dir(directory.join(chart.name())).unwrap();
        for file in chart.values_files().unwrap() {
            let path = directory.join(chart.name()).join(chart::name(&file));
            let case = chart::name(&file).trim_end_matches("-values.yaml").to_owned();
            let render = Render::chart(&chart)
                // checkov relates objects, so each release gets its own file.
                .namespace(&format!("{}-{case}", chart.name()))
                .values_file(&file)
                .api_versions(api_versions.clone());
            work.push((path, render));
        }
    }
    parallel::map(work, |(path, render)| {
        fs::write(path, helm.template_text(&render).unwrap()).unwrap();
    });
}

/// Copies every `deploy/**/Dockerfile*` to the same path.
fn copy_dockerfiles(directory: &Path) {
    let dockerfiles = dockerfiles(&chart::root().join("deploy"));
    assert!(!dockerfiles.is_empty());
    for path in dockerfiles {
        let copy = directory.join(path.strip_prefix(chart::root()).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(path, copy).unwrap();
    }
}

fn dockerfiles(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let in_path = |path: PathBuf| {
        if path.is_dir() {
            dockerfiles(&path)
        } else if chart::name(&path).starts_with("Dockerfile") {
            vec![path]
        } else {
            Vec::new()
        }
    };
    paths.flat_map(in_path).collect()
}
