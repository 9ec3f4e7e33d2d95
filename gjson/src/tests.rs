//! The limits, and the differences from gjson that follow from them.

use std::iter;

use super::*;

fn repeated(before: &str, times: usize, middle: &str, after: &str) -> String {
    format!("{}{middle}{}", before.repeat(times), after.repeat(times))
}

fn at(json: &str, path: &str) -> Result<String, Error> {
    get(json.as_bytes(), path).map(|found| String::from_utf8(found.to_vec()).unwrap())
}

#[test]
fn nesting_beyond_the_limit_is_an_error() {
    let depth = limits::MAX_DEPTH;
    let json = |before, after| repeated(before, depth + 9, "1", after);
    let (objects, arrays) = (json("{\"a\":", "}"), json("[", "]"));
    for (json, before, middle, after) in [
        (&objects, "a.", "a", ""),
        (&arrays, "0.", "0", ""),
        (&arrays, "#.", "#", ""),
        (&arrays, "#(", "#", ")"),
        (&arrays, "[", "@this", "]"),
        (&"1".to_owned(), "@dig:", "@this", ""),
    ] {
        let path = |times| repeated(before, times, middle, after);
        let error = Err(Error::TooComplex);
        assert_ne!(at(json, &path(depth - 1)), error, "{before}");
        assert_eq!(at(json, &path(depth + 1)), error, "{before}");
    }
    for path in ["@pretty", "@pretty:{\"width\":0}", "@flatten:{\"deep\":true}"] {
        let json = |times| repeated("[", times, "1", "]");
        assert!(at(&json(depth - 1), path).is_ok(), "{path}");
        assert_eq!(at(&json(depth + 2), path), Err(Error::TooComplex), "{path}");
    }
    // Modifiers that do not recurse accept any nesting.
    let json = repeated("[", 10_000, "1", "]");
    for path in ["@valid", "@ugly", "@this", "0", "@reverse"] {
        assert!(at(&json, path).is_ok(), "{path}");
    }
}

#[test]
fn values_beyond_the_size_limit_are_errors() {
    let json = format!("{{\"a\":[{}1],\"\\\"\":1}}", "1,".repeat(30_000));
    let indent = format!("@pretty:{{\"indent\":\"{}\"}}", " ".repeat(4_096));
    let each = format!("a.#.!\"{}\"", "x".repeat(4_000));
    let row = format!("{{\"{}\":[{}1]}}", "k".repeat(30_000), "1,".repeat(15_000));
    for (json, path) in [
        (&json, "@tostr|".repeat(30)),
        (&json, "[@this,@this]|".repeat(30)),
        (&json, indent),
        (&json, each),
        (&row, "@group".to_owned()),
    ] {
        assert_eq!(at(json, &path), Err(Error::TooComplex), "{path}");
    }
    assert!(at(&json, "@tostr|@tostr|@tostr").is_ok());
}

#[test]
fn work_beyond_the_budget_is_an_error() {
    let same: Vec<_> = (0..6_000).rev().map(|number| format!("\"a\":{number:05}")).collect();
    let same = format!("{{{}}}", same.join(","));
    let text = format!("{{\"a\":\"{}\"}}", "a".repeat(65_000));
    let many = format!("[{}{{}}]", "{\"a\":1},".repeat(8_000));
    for (json, path) in [
        (&text, format!("[{}a]", "a,".repeat(2_000))),
        (&text, format!("[@this].#(a%\"*{}b*\")", "a".repeat(2_000))),
        (&many, format!("#.{}", "a.".repeat(2_000))),
        (&many, format!("#(a=={})#", "1".repeat(4_000))),
        (&repeated("[", 30_000, "1", "]"), "@dig:x".to_owned()),
        (&same, "@pretty:{\"sortKeys\":true}".to_owned()),
    ] {
        let found = at(json, &path);
        assert_eq!(found, Err(Error::TooComplex), "{} {path:.40}", &json[..9]);
    }
}

#[test]
fn hostile_paths_terminate_without_a_panic() {
    let size = 2_048;
    let open = |pattern: &str| pattern.repeat(size / pattern.len());
    let documents = [
        open("["),
        open("\""),
        open("\\"),
        open(" "),
        open("{\"a\":"),
        open("{\"a\":[1,"),
        open("[]"),
        format!("{{\"a\":\"{}", open("\\\"")),
        format!("[{}", open("n,")),
        format!("{{\"a\":{}}}", open("1")),
        repeated("[", size / 2, "", "]"),
        repeated("{\"a\":[", 60, &open("1,"), "]}"),
    ];
    let long = |pattern: &str| pattern.repeat(256 / pattern.len());
    let paths = "a. 0. #. *. * ? #( #()#. [ { [a, \\ | . ! !{ @ : ( \" ..#. #(a%\"* @dig: @dig:#. @flatten| \
                 @group| @join| @keys| @pretty| @reverse| @tostr| @pretty:{\"sortKeys\":true}| \
                 @flatten:{\"deep\":true}|";
    let whole = ["@dig:a", "@pretty", "@ugly", "..#", "#.#", "@fromstr", "{a,0,#}"];
    let paths = paths.split(' ').map(long).chain(whole.map(str::to_owned));
    for path in paths {
        for json in &documents {
            let _ = get_name_or_path(json.as_bytes(), &path);
        }
    }
}

#[test]
fn name_with_dots_takes_precedence_over_the_path() {
    let json = br#"{"a.b": "name", "a": {"b": "path", "c": "only path"}}"#;
    let text =
        |found: Result<Zeroizing<Vec<u8>>, Error>| String::from_utf8(found.unwrap().to_vec());
    assert_eq!(text(get_name_or_path(json, "a.b")).unwrap(), "name");
    assert_eq!(text(get(json, "a.b")).unwrap(), "path");
    assert_eq!(text(get_name_or_path(json, "a.c")).unwrap(), "only path");
    assert_eq!(get_name_or_path(json, "a.d"), Err(Error::Missing));
}

#[test]
fn patterns_with_many_stars_match_where_gjson_gives_up() {
    let text = "ab".repeat(400);
    let json = format!("{{\"{text}c\":1}}");
    let pattern: String = iter::repeat_n("*a", 40).chain(["*c"]).collect();
    assert_eq!(at(&json, &pattern).as_deref(), Ok("1"));
    assert_eq!(at(&json, &pattern.replace('c', "d")), Err(Error::Missing));
}

#[test]
fn errors_do_not_contain_values() {
    let json = br#"{"hunter1": "hunter2"}"#;
    for error in
        [get(json, "hunter3"), get(json, &"[@this,@this]|".repeat(30))].map(Result::unwrap_err)
    {
        assert!(!format!("{error} {error:?}").contains("hunter"), "{error:?}");
    }
}
