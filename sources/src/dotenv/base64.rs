//! Lines of base64 that look like assignments: `c2VjcmV0cw==` sets the key `c2VjcmV0cw`.
//!
//! They are the rest of a value that an editor or `base64` broke over lines. As a key, this part of the
//! secret would stand in clear text in the manifest.

/// Base64 of 12 bytes. Shorter values are not broken over lines.
const MIN_LEN: usize = 16;
/// Random base64 of this length hardly ever has letters of one case only.
const MIN_NAME_LEN: usize = 7;

/// Whether a line is part of a value in base64. `before` is the unquoted value of the line before.
///
/// `KEY=` is also an empty value. It counts as base64 if it completes the value before, or if it looks
/// random.
pub(super) fn is_part(line: &str, before: Option<&str>) -> bool {
    let digits = line.trim_end_matches('=');
    if digits.is_empty() || !is_digits(digits) {
        return false;
    }
    match line.len() - digits.len() {
        2 => true,
        1 => {
            let completes = before.is_some_and(|before| {
                before.len() >= MIN_LEN
                    && is_digits(before)
                    && is_random(before)
                    && (before.len() + line.len()).is_multiple_of(4)
            });
            let whole = line.len() >= MIN_LEN && line.len().is_multiple_of(4);
            (completes && !is_name(digits)) || (whole && is_random(digits))
        }
        _ => false,
    }
}

/// Digits of base64, in the standard or the URL alphabet.
fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/-_".contains(&b))
}

/// `APIUSER`, `api_user`: the usual names of variables.
fn is_name(digits: &str) -> bool {
    let has = |class: fn(&u8) -> bool| digits.as_bytes().iter().any(class);
    digits.len() >= MIN_NAME_LEN
        && !(has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase))
        && !digits.starts_with(|c: char| c.is_ascii_digit())
}

/// Capital letters, small letters and digits, as base64 of random bytes has them.
fn is_random(digits: &str) -> bool {
    let has = |class: fn(&u8) -> bool| digits.as_bytes().iter().any(class);
    has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padded_base64_is_part_of_a_value() {
        for line in ["8KxAyO69QOPvuts3ZmFrZQ==", "ZQ==", "a-b_c3Q=="] {
            assert!(is_part(line, None), "{line}");
        }
        assert!(is_part("8KxAyO69QOPvuts3ZmFrZQA=", None));
        assert!(is_part("ZmE=", Some("6UWXLq1/iznyqf0lniVUsseD5XPtpOFi")));
        assert!(is_part("8KxAyO69+/A=", Some("6UWXLq1/iznyqf0lniVUsseD5XPtpOFi")));
    }

    #[test]
    fn assignments_are_not_part_of_a_value() {
        for line in [
            "A=b",
            "A=",
            "DB_PASSWORD=",
            "DATABAS=",
            "a=b==",
            "=",
            "==",
            "springDatasourcePassword=",
        ] {
            assert!(!is_part(line, None), "{line}");
        }
        let token = Some("6UWXLq1/iznyqf0lniVUsseD5XPtpOFi");
        for line in ["APIUSER=", "apiuser=", "SMTP_PASSWD=", "A="] {
            assert!(!is_part(line, token), "{line}");
        }
        assert!(!is_part("FOO=", Some("0123456789abcdef0123456789abcdef")));
        assert!(!is_part("ZmE=", Some("short")));
        assert!(!is_part("ZmE=", Some("two words, not base64")));
    }
}
