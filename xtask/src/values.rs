//! The dummy values of the example file, to compare with the Secret's.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;

/// Replaces the value of a key in dotenv text.
pub(crate) fn with(text: &str, key: &str, value: &str) -> String {
    let lines = text.lines().map(|line| match line.split_once('=') {
        Some((name, _)) if name == key => format!("{key}={value}\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

/// The values by key, for the part of dotenv that the example uses. This parser is deliberately
/// independent of mtk-seal's.
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

/// The values of a Secret as JSON, by key.
pub(crate) fn of_secret(json: &str) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let secret: Secret = serde_json::from_str(json)?;
    let decoded = secret.data.into_iter().map(|(key, value)| Ok((key, BASE64.decode(value)?)));
    decoded.collect()
}

#[derive(Deserialize)]
struct Secret {
    #[serde(default)]
    data: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn new_value_replaces_the_old_one() {
        let text = "# A=0\nA='1 $2'\nB=2\n";
        let changed = with(text, "B", "3");
        assert_eq!(changed, "# A=0\nA='1 $2'\nB=3\n");
        let values = of_file(&changed);
        assert_eq!(values["A"], b"1 $2");
        assert_eq!(values["B"], b"3");
        assert_eq!(values.len(), 2);
    }

    #[test]
    fn secret_values_are_decoded_from_its_data() {
        let values = of_secret(r#"{"data":{"A":"MQ=="}}"#).unwrap();
        assert_eq!(values["A"], b"1");
    }
}
