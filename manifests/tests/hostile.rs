//! Hostile text: no panic, and no edit that changes other data.

#![expect(clippy::unwrap_used, reason = "helpers of tests may panic")]

use manifests::{Change, Item, Manifest};
use proptest::prelude::*;

fn edit_everything(text: &str) {
    let Ok(manifest) = Manifest::parse(text) else { return };
    if let Some(place) = manifest.sealed_secrets().first() {
        let before = manifest.items(place);
        let set = |key: &str| Change::Set { key: key.to_owned(), value: "AgNEW".to_owned() };
        let remove = Change::Remove { key: "A".to_owned() };
        let rename = Change::Rename { from: "A".to_owned(), to: "C".to_owned() };
        for change in [set("A"), set("B"), remove, rename] {
            if let Ok(edited) = manifest.edit(place, std::slice::from_ref(&change)) {
                let after = Manifest::parse(&edited).unwrap();
                assert_eq!(after.sealed_secrets().len(), manifest.sealed_secrets().len());
                if let (Ok(before), Ok(items)) = (&before, after.items(&after.sealed_secrets()[0]))
                {
                    let others = |items: &[Item]| -> Vec<_> {
                        let is_other = |item: &&Item| !["A", "B", "C"].contains(&item.key.as_str());
                        items
                            .iter()
                            .filter(is_other)
                            .map(|i| (i.key.clone(), i.value.clone()))
                            .collect()
                    };
                    assert_eq!(others(before), others(&items));
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn mutilated_manifest_is_edited_safely_or_refused(
        at in 0..140usize,
        cut in 0..20usize,
        put in "[ \\n\\t\\r{}\\[\\]:,#&*!|>'\"%?A-]{0,6}",
    ) {
        let text = "# c\nkind: SealedSecret\nmetadata: {name: a}\nspec:\n  encryptedData:\n    # x\n    A: AgAAA # y\n    B: |\n      AgBB\n      BB\n  template: {a: [b]}\nz: 1\n";
        let (from, to) = (at.min(text.len()), (at + cut).min(text.len()));
        edit_everything(&format!("{}{put}{}", &text[..from], &text[to..]));
    }

    #[test]
    fn mutilated_json_is_edited_safely_or_refused(
        at in 0..100usize,
        cut in 0..10usize,
        put in "[ \\n{}\\[\\]:,\"\\\\A1]{0,4}",
    ) {
        let text = "{\"kind\": \"SealedSecret\",\n \"spec\": {\"encryptedData\": {\n \"A\": \"AgAA\",\n \"B\":\"AgBB\"}}}\n";
        let (from, to) = (at.min(text.len()), (at + cut).min(text.len()));
        edit_everything(&format!("{}{put}{}", &text[..from], &text[to..]));
    }
}

#[test]
fn deep_and_large_text_is_refused() {
    for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000)] {
        assert!(Manifest::parse(&text).is_err());
    }
    assert!(Manifest::parse(&"- a\n".repeat(1_100_000)).is_err());
}

/// Aliases of aliases, which have exponentially many leaves.
fn bomb(first: &str, next: impl Fn(usize) -> String) -> String {
    (1..40).fold(first.to_owned(), |text, level| text + &next(level))
}

#[test]
fn aliases_of_aliases_take_little_time() {
    let merged = bomb("a: &r0\n  q: 1\n", |level| {
        format!("b{level}: &r{level}\n  <<: [*r{0}, *r{0}]\n", level - 1)
    });
    let merged = format!("kind: SealedSecret\n{merged}metadata:\n  <<: [*r39, *r39]\n");
    let lists = bomb("kind: List\nx: &r0 {kind: List, items: []}\n", |level| {
        format!("x{level}: &r{level} {{kind: List, items: [*r{0}, *r{0}]}}\n", level - 1)
    });
    let lists = format!("{lists}items: [*r39, *r39]\n");
    let started = std::time::Instant::now();
    assert_eq!(Manifest::parse(&merged).unwrap().sealed_secrets().len(), 1);
    assert!(Manifest::parse(&lists).unwrap().sealed_secrets().is_empty());
    let endless = "--- &a\nkind: List\nitems: [*a, *a]\n";
    assert!(Manifest::parse(endless).map_or(true, |text| text.sealed_secrets().is_empty()));
    assert!(started.elapsed().as_secs() < 10);
}
