//! The explanation as text or JSON. It contains no value.

use std::fmt::Write as _;

use sealing::Scope;
use serde_json::{Value as Json, json};

use super::{
    outcome::{Explained, Outcome},
    place::Place,
};
use crate::{
    args::ExplainFormat,
    output::{self, Format, OutputError},
};

/// The explanation of all objects.
pub(super) fn render(all: &[Explained], format: ExplainFormat) -> Result<String, OutputError> {
    match format {
        ExplainFormat::Text => Ok(all.iter().map(block).collect::<Vec<_>>().join("\n")),
        ExplainFormat::Json => {
            let list = Json::Array(all.iter().map(document).collect());
            output::render(&[list], Format::Json)
        }
    }
}

fn block(one: &Explained) -> String {
    let object = &one.object;
    let file = object.file.escape_debug();
    let mut text = format!(
        "{} ({file}:{}), scope {}\n",
        title(&object.place),
        object.line,
        object.place.scope
    );
    for problem in &object.problems {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  warning: {problem}");
    }
    if object.items.is_empty() {
        text += "  no items\n";
    }
    for (item, outcome) in object.items.iter().zip(&one.outcomes) {
        let _ = writeln!(text, "  {}: {}", item.key.escape_debug(), status(outcome, &object.place));
        if let Some(remedy) = outcome.remedy(object, item) {
            let _ = writeln!(text, "    {remedy}");
        }
    }
    text
}

fn title(place: &Place) -> String {
    let name = if place.name.is_empty() { "a SealedSecret without name" } else { &place.name };
    let name = name.escape_debug();
    match place.namespace.as_str() {
        "" => name.to_string(),
        namespace => format!("{}/{name}", namespace.escape_debug()),
    }
}

fn status(outcome: &Outcome, own: &Place) -> String {
    match (outcome, outcome.cause(own)) {
        (_, Some(cause)) => format!("does not open: {cause}"),
        (Outcome::WellFormed { bits }, _) => {
            format!("the format is right, sealed with a key of {bits} bits")
        }
        _ => "opens".to_owned(),
    }
}

fn document(one: &Explained) -> Json {
    let object = &one.object;
    let items = object.items.iter().zip(&one.outcomes).map(|(item, outcome)| {
        json!({
            "key": item.key,
            "opens": outcome.opens(),
            "cause": outcome.cause(&object.place),
            "remedy": outcome.remedy(object, item),
            "sealedFor": match outcome {
                Outcome::Elsewhere(found) => sealed_for(found),
                _ => Json::Null,
            },
        })
    });
    json!({
        "file": object.file,
        "line": object.line,
        "name": object.place.name,
        "namespace": object.place.namespace,
        "scope": object.place.scope.to_string(),
        "problems": object.problems,
        "items": items.collect::<Vec<_>>(),
    })
}

/// The place, without what the scope ignores.
fn sealed_for(place: &Place) -> Json {
    let mut json = json!({ "scope": place.scope.to_string() });
    if place.scope != Scope::ClusterWide {
        json["namespace"] = place.namespace.clone().into();
    }
    if place.scope == Scope::Strict {
        json["name"] = place.name.clone().into();
    }
    json
}
