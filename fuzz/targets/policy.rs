//! A policy text that somebody else wrote, its comparison with another, and a folder to publish.
#![no_main]

use std::collections::BTreeMap;

use jasmin_consent::policy::{diff, draft, text};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|parts: (String, String, String)| {
    let (old, new, description) = parts;
    if let (Ok(old), Ok(new)) = (text::read(&old), text::read(&new)) {
        let _changed = diff::sections(&old, &new);
    }
    let files = BTreeMap::from([
        ("privacy-policy.en.md".to_owned(), old),
        ("user-agreement.en.md".to_owned(), new),
    ]);
    let _ready_or_not = draft::read(&description, &files, None, 1_796_029_500_250);
});
