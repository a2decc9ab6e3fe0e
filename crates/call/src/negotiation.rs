//! What is checked of SDP (RFC 8866) before `str0m` sees it.

/// More than any offer of ours or a browser's.
pub(crate) const MAX_SDP: usize = 64 * 1024;
/// More than any machine has addresses for.
pub(crate) const MAX_CANDIDATES: usize = 64;

/// Returns the certificate fingerprint (RFC 8122): SHA-256, and the same wherever one is named, so that
/// there is no choice which of them counts.
pub(crate) fn fingerprint(sdp: &str) -> Option<[u8; 32]> {
    let mut found = None;
    for line in sdp.lines() {
        let Some(value) = line.trim_end().strip_prefix("a=fingerprint:") else {
            continue;
        };
        let (function, hex) = value.split_once(' ')?;
        if !function.eq_ignore_ascii_case("sha-256") {
            return None;
        }
        let bytes = parse_hex(hex.trim())?;
        if found.is_some_and(|first| first != bytes) {
            return None;
        }
        found = Some(bytes);
    }
    found
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let mut pairs = text.split(':');
    for byte in &mut bytes {
        let pair = pairs.next().filter(|pair| {
            pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit())
        })?;
        *byte = u8::from_str_radix(pair, 16).ok()?;
    }
    pairs.next().is_none().then_some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(byte: u8) -> String {
        let hex = vec![format!("{byte:02X}"); 32].join(":");
        format!("a=fingerprint:sha-256 {hex}\r\n")
    }

    #[test]
    fn one_fingerprint_or_the_same_everywhere() {
        assert_eq!(fingerprint(&line(0xab)), Some([0xab; 32]));
        assert_eq!(
            fingerprint(&(line(1) + "m=audio\r\n" + &line(1))),
            Some([1; 32])
        );
        assert_eq!(
            fingerprint(&(line(1) + &line(2))),
            None,
            "a choice is a hole"
        );
        assert_eq!(fingerprint("v=0\r\n"), None);
    }

    #[test]
    fn no_other_hash() {
        let weak = "a=fingerprint:sha-1 AA:BB\r\n".to_owned();
        assert_eq!(fingerprint(&weak), None);
        assert_eq!(fingerprint(&(weak + &line(1))), None);
        assert_eq!(
            fingerprint(&line(1).replace("01\r", "\r")),
            None,
            "31 bytes"
        );
        assert_eq!(
            fingerprint(&line(1).replace("\r\n", ":01\r\n")),
            None,
            "33 bytes"
        );
        assert_eq!(fingerprint(&line(1).replace("01:", "+1:")), None, "not hex");
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,300}") {
            let _ = fingerprint(&format!("a=fingerprint:{text}"));
        }
    }
}
