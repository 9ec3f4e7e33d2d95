//! The values of the Secret, from the opened items and `template.data`.
//!
//! This is the one place where a template engine will be called.

use std::collections::BTreeMap;

use sealing::Plaintext;

use crate::reason::{Failure, Reason};

/// How Go's templates begin an action.
const ACTION: &str = "{{";

/// The values by key. An item wins over a template value of the same name; null keeps an item out
/// (sealed-secrets v0.40).
///
/// # Errors
/// `TemplateInvalid` for a value with an action in it.
pub fn render(
    template: &BTreeMap<String, Option<String>>,
    mut items: BTreeMap<String, Plaintext>,
) -> Result<BTreeMap<String, Plaintext>, Failure> {
    let actions: Vec<_> = template
        .iter()
        .filter(|(key, value)| {
            !items.contains_key(*key) && value.as_ref().is_some_and(|text| text.contains(ACTION))
        })
        .map(|(key, _)| format!("`{key}`"))
        .take(5)
        .collect();
    if !actions.is_empty() {
        return Err(Failure::new(
            Reason::TemplateInvalid,
            format!(
                "template.data has values with `{ACTION}`, which this version does not render: \
                 {}; seal the finished values instead",
                actions.join(", ")
            ),
        ));
    }
    for (key, value) in template {
        match value {
            Some(text) => {
                items
                    .entry(key.clone())
                    .or_insert_with(|| Plaintext::new(text.clone().into_bytes()));
            }
            None => {
                items.remove(key);
            }
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(
        template: &[(&str, Option<&str>)],
        items: &[(&str, &str)],
    ) -> Result<Vec<(String, String)>, Failure> {
        let template = template
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.map(str::to_owned)))
            .collect();
        let items = items
            .iter()
            .map(|(key, value)| ((*key).to_owned(), Plaintext::new(value.as_bytes().to_vec())))
            .collect();
        let values = render(&template, items)?;
        let text = |value: &Plaintext| String::from_utf8(value.expose().to_vec()).unwrap();
        Ok(values.iter().map(|(key, value)| (key.clone(), text(value))).collect())
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn plain_values_stand_beside_the_items() {
        assert_eq!(
            rendered(&[("P", Some("p"))], &[("A", "1")]).unwrap(),
            pairs(&[("A", "1"), ("P", "p")])
        );
    }

    /// Recorded, g35.
    #[test]
    fn an_item_wins_over_a_value_of_the_same_name_even_a_template() {
        assert_eq!(
            rendered(&[("A", Some("{{ .A }}"))], &[("A", "1")]).unwrap(),
            pairs(&[("A", "1")])
        );
    }

    #[test]
    fn null_keeps_an_item_out() {
        assert_eq!(rendered(&[("A", None), ("B", None)], &[("A", "1")]).unwrap(), pairs(&[]));
    }

    #[test]
    fn a_template_is_refused_by_name_and_not_by_content() {
        let failure = rendered(&[("c", Some("{{ fail .A }}"))], &[("A", "canary")]).unwrap_err();
        assert_eq!(failure.reason, Reason::TemplateInvalid);
        assert!(failure.message.contains("`c`") && !failure.message.contains("canary"));
    }
}
