//! The values of the example file, to compare with the Secret's. They are dummies.

use std::collections::BTreeMap;

/// Replaces the value of a key in dotenv text.
pub(crate) fn with(text: &str, key: &str, value: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once('=') {
        Some((name, _)) if name == key => format!("{key}={value}\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

/// The values by key: of as much of dotenv as the example has. It reads them another way than
/// mtk-seal does, on purpose.
pub(crate) fn of_file(text: &str) -> BTreeMap<String, Vec<u8>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('='))
        .map(|(key, value)| {
            let bare = value.trim_matches(['\'', '"']);
            (key.to_owned(), bare.as_bytes().to_owned())
        })
        .collect()
}

/// The values by key of a Secret as JSON.
pub(crate) fn of_secret(json: &str) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let secret: k8s_openapi::api::core::v1::Secret = serde_json::from_str(json)?;
    let data = secret.data.unwrap_or_default();
    Ok(data.into_iter().map(|(key, value)| (key, value.0)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_value_takes_the_old_ones_place() {
        let text = "# A=0\nA='1 $2'\nB=2\n";
        let changed = with(text, "B", "3");
        assert_eq!(changed, "# A=0\nA='1 $2'\nB=3\n");
        let values = of_file(&changed);
        assert_eq!(values["A"], b"1 $2");
        assert_eq!(values["B"], b"3");
        assert_eq!(values.len(), 2);
    }

    #[test]
    fn a_secrets_values_are_those_of_its_data() {
        let values = of_secret(r#"{"data":{"A":"MQ=="}}"#).unwrap();
        assert_eq!(values["A"], b"1");
    }
}
