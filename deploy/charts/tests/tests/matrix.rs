//! Renders every chart with each of its values files (`ci/`) in Helm 3 and 4, for every supported version
//! of Kubernetes.

#![expect(clippy::unwrap_used, reason = "the helpers of tests panic as tests do")]

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use chart_tests::chart::{self, Chart};
use chart_tests::kubeconform::Kubeconform;
use chart_tests::{Helm, Render, objects, parallel, schemas};
use serde_json::Value;

/// A chart with a values file, rendered by one Helm for some versions of Kubernetes.
struct Rendered {
    /// `CHART/VALUES FILE`.
    case: String,
    helm: u8,
    /// The minor versions with the same output.
    minors: Vec<u32>,
    /// Sorted, because the Helms use different orders.
    objects: Vec<Value>,
}

/// All renderings, computed once.
static RENDERED: LazyLock<Vec<Rendered>> = LazyLock::new(|| {
    let api_versions = schemas::api_versions().unwrap();
    let mut work = Vec::new();
    for chart in chart::all().unwrap() {
        let groups = chart.alike(&schemas::kubernetes_minors().unwrap()).unwrap();
        for file in chart.values_files().unwrap() {
            for minors in &groups {
                let [three, four] = Helm::both().unwrap();
                // Both Helms render only the newest group: their code for versions is the same.
                let helms =
                    if Some(minors) == groups.last() { vec![three, four] } else { vec![four] };
                for helm in helms {
                    let render = Render::chart(&chart)
                        .values_file(&file)
                        .api_versions(api_versions.clone())
                        .kube_version(&version(minors[0]));
                    work.push((case(&chart, &file), helm, minors.clone(), render));
                }
            }
        }
    }
    parallel::map(work, |(case, helm, minors, render)| {
        let (helm, objects) = (helm.major(), helm.template(&render));
        let mut objects = objects.unwrap_or_else(|error| panic!("{case}, Helm {helm}: {error}"));
        objects.sort_by_key(identity);
        Rendered { case, helm, minors, objects }
    })
});

#[test]
fn charts_pass_strict_lint() {
    let mut work = Vec::new();
    for chart in chart::all().unwrap() {
        let files = chart.values_files().unwrap();
        let [three, four] = Helm::both().unwrap();
        // Lint mostly checks the chart, and the other tests render each values file with both Helms.
        let with_three = files.first().map(|file| (three, file));
        let with_four = files.iter().map(|file| (four.clone(), file));
        for (helm, file) in with_three.into_iter().chain(with_four) {
            let render = Render::chart(&chart).values_file(file).kube_version(&newest());
            work.push((case(&chart, file), helm, render));
        }
    }
    let problems = parallel::map(work, |(case, helm, render)| {
        let error = helm.lint(&render).err()?;
        Some(format!("{case}, Helm {}: {error}", helm.major()))
    });
    none(problems.into_iter().flatten());
}

#[test]
fn both_helms_render_the_same() {
    let (three, four): (Vec<_>, Vec<_>) = RENDERED.iter().partition(|rendered| rendered.helm == 3);
    assert!(!three.is_empty());
    for three in three {
        let same = |four: &&&Rendered| (&four.case, &four.minors) == (&three.case, &three.minors);
        let four = four.iter().find(same).unwrap();
        assert_eq!(three.objects, four.objects, "{}", three.case);
    }
}

#[test]
fn objects_are_rendered_once() {
    for rendered in RENDERED.iter() {
        let twice =
            rendered.objects.windows(2).find(|pair| identity(&pair[0]) == identity(&pair[1]));
        assert!(twice.is_none(), "{}: {}", rendered.case, objects::name(&twice.unwrap()[0]));
    }
}

#[test]
fn objects_are_valid_in_every_version_of_kubernetes() {
    let directory = tempfile::tempdir().unwrap();
    let kubeconform = Kubeconform::new().unwrap();
    let problems = parallel::map(schemas::kubernetes_minors().unwrap(), |minor| {
        // Check the objects of one Helm, because both render the same. Check each object once, because most
        // values files leave most objects unchanged.
        let mut seen = HashSet::new();
        let mut files = Vec::new();
        let on_it = |rendered: &&Rendered| rendered.helm == 4 && rendered.minors.contains(&minor);
        for rendered in RENDERED.iter().filter(on_it) {
            let objects = rendered.objects.iter().map(Value::to_string);
            let new: Vec<_> = objects.filter(|object| seen.insert(object.clone())).collect();
            // kubeconform reports the path of a problem.
            let path = directory.path().join(format!("1.{minor}")).join(&rendered.case);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, new.join("\n---\n")).unwrap();
            files.push(path);
        }
        let (count, problems) = kubeconform.check(minor, &files).unwrap();
        assert_eq!(count, seen.len() as u64, "kubeconform did not check every object");
        problems
    });
    none(problems.into_iter().flatten());
}

#[test]
fn invalid_values_are_rejected_with_a_reason() {
    let mut work = Vec::new();
    for chart in chart::all().unwrap() {
        for refused in chart.refused().unwrap() {
            for helm in Helm::both().unwrap() {
                work.push((chart.clone(), refused.clone(), helm));
            }
        }
    }
    let problems = parallel::map(work, |(chart, refused, helm)| {
        // Missing custom resources can be the reason, so install none.
        let render = Render::chart(&chart).values_file(&refused.path).kube_version(&newest());
        let case = format!("{}, Helm {}", case(&chart, &refused.path), helm.major());
        match helm.template(&render) {
            Ok(_) => Some(format!("{case}: was not rejected")),
            Err(error) if error.to_string().contains(&refused.error) => None,
            Err(error) => Some(format!("{case}: expected `{}` in: {error}", refused.error)),
        }
    });
    none(problems.into_iter().flatten());
}

fn version(minor: u32) -> String {
    format!("1.{minor}.0")
}

fn newest() -> String {
    version(*schemas::kubernetes_minors().unwrap().last().unwrap())
}

/// The identity of an object in an API server.
fn identity(object: &Value) -> String {
    let group = object["apiVersion"].as_str().unwrap().rsplit_once('/').map_or("", |parts| parts.0);
    let namespace = object["metadata"]["namespace"].as_str().unwrap_or_default();
    format!("{group}/{}/{namespace}", objects::name(object))
}

fn case(chart: &Chart, file: &Path) -> String {
    format!("{}/{}", chart.name(), chart::name(file))
}

#[track_caller]
fn none(problems: impl Iterator<Item = String>) {
    let problems: Vec<_> = problems.collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), problems.join("\n"));
}
