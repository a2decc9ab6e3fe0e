//! A saved consent ledger, as somebody may have made it up.
#![no_main]

use jasmin_consent::export::check;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|file: &[u8]| {
    if let Ok(checked) = check(file, None, None) {
        assert_eq!(checked.entries.len() as u64, checked.header.entries);
    }
});
