//! A ledger as a file: JSON lines, each in canonical form, checked without the server.
//!
//! The first line is an [`ExportHeader`], then come the [`LedgerEntry`]s, then [`SignedRecord`]s that
//! the server has not answered, then an [`ExportSeal`] over all lines before.

use std::fmt;

use jasmin_protocol::{
    Base64, DeviceCertificate, ExportHeader, ExportSeal, LedgerEntry, RecordId, SignedRecord,
};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::{
    chain::{self, Fault, Keys, Ledger, canonical},
    moment,
};

/// [`ExportHeader::format`] of this version.
pub const FORMAT: &str = "jasmin-ledger-1";

/// A page that checks an exported file, by itself and offline.
pub const VERIFIER: &str = include_str!("verifier.html");

/// Writes a file. `seal` signs bytes with the exporting device's signing key.
#[must_use]
pub fn write(
    header: &ExportHeader,
    entries: &[LedgerEntry],
    waiting: &[SignedRecord],
    certificate: &DeviceCertificate,
    seal: impl FnOnce(&[u8]) -> Base64,
) -> Vec<u8> {
    let mut file = Vec::new();
    let mut line = |json: Vec<u8>| {
        file.extend_from_slice(&json);
        file.push(b'\n');
    };
    line(canonical(header));
    entries.iter().for_each(|entry| line(canonical(entry)));
    waiting.iter().for_each(|signed| line(canonical(signed)));
    let seal = ExportSeal {
        certificate: certificate.clone(),
        seal: seal(&sealed_words(&file)),
    };
    file.extend_from_slice(&canonical(&seal));
    file.push(b'\n');
    file
}

fn sealed_words(lines: &[u8]) -> Vec<u8> {
    [chain::EXPORT, &Sha256::digest(lines)].concat()
}

/// A file that holds together.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Whose, and the keys that it was checked with.
    pub header: ExportHeader,
    /// Entries, oldest first.
    pub entries: Vec<LedgerEntry>,
    /// Records that the server has not answered.
    pub waiting: Vec<SignedRecord>,
}

/// A file that does not hold together, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Line, from 1.
    pub line: usize,
    /// The record in it, where one can be read.
    pub record: Option<RecordId>,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is missing.
    Missing,
    /// It is not what an export writes, byte by byte.
    Form,
    /// It is of another format or version.
    Format,
    /// It holds another key than the one that was asked for.
    Key,
    /// A record or entry is wrong.
    Fault(Fault),
    /// The seal does not fit the lines before.
    Seal,
    /// Something follows the seal.
    Surplus,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(record) = self.record {
            write!(f, ", record {record}")?;
        }
        f.write_str(": ")?;
        match self.why {
            Why::Missing => f.write_str("it is missing: the file was cut"),
            Why::Form => f.write_str("it is not what an export writes: it was changed"),
            Why::Format => f.write_str("it is no ledger of this version"),
            Why::Key => f.write_str("its key is not the one that was asked for"),
            Why::Fault(fault) => fault.fmt(f),
            Why::Seal => {
                f.write_str("the seal does not fit: a line was changed, dropped or put in")
            }
            Why::Surplus => f.write_str("something follows the seal"),
        }
    }
}

impl std::error::Error for Broken {}

/// Checks a file. A key that is given must be the one in the file: who has it from elsewhere finds out
/// that a file was made up as a whole.
///
/// # Errors
/// The first [`Broken`] line.
pub fn check(
    file: &[u8],
    identity: Option<&Base64>,
    ledger: Option<&Base64>,
) -> Result<Checked, Broken> {
    let mut lines = Lines {
        rest: file,
        read: 0,
        line: 0,
    };
    let header: ExportHeader = lines.next()?;
    if header.format != FORMAT || moment::read(&header.exported_at).is_none() {
        return Err(lines.broken(Why::Format));
    }
    let other = |given: Option<&Base64>, own: &Base64| given.is_some_and(|given| given != own);
    if other(identity, &header.identity_key) || other(ledger, &header.ledger_key) {
        return Err(lines.broken(Why::Key));
    }
    let keys = Keys {
        subject: header.subject,
        identity: header.identity_key.clone(),
        ledger: header.ledger_key.clone(),
    };
    let mut chain = Ledger::default();
    let mut entries = Vec::new();
    for _ in 0..header.entries {
        let entry: LedgerEntry = lines.next()?;
        chain
            .follow(&entry, &keys)
            .map_err(|fault| lines.fault(entry.signed.record.id, fault))?;
        entries.push(entry);
    }
    let mut waiting = Vec::new();
    for _ in 0..header.waiting {
        let signed: SignedRecord = lines.next()?;
        chain
            .follow_waiting(&signed, &keys)
            .map_err(|fault| lines.fault(signed.record.id, fault))?;
        waiting.push(signed);
    }
    let sealed = sealed_words(&file[..lines.read]);
    let ExportSeal { certificate, seal } = lines.next()?;
    let vouched = certificate.signed_bytes(header.subject);
    if !chain::verify(&keys.identity, &vouched, &certificate.signature)
        || !chain::verify(&certificate.signing_key, &sealed, &seal)
    {
        return Err(lines.broken(Why::Seal));
    }
    if !lines.rest.is_empty() {
        lines.line += 1;
        return Err(lines.broken(Why::Surplus));
    }
    Ok(Checked {
        header,
        entries,
        waiting,
    })
}

struct Lines<'a> {
    rest: &'a [u8],
    read: usize,
    line: usize,
}

impl Lines<'_> {
    /// The next line, which must be exactly what an export writes.
    fn next<T: DeserializeOwned + serde::Serialize>(&mut self) -> Result<T, Broken> {
        self.line += 1;
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let Some(end) = end else {
            let why = if self.rest.is_empty() {
                Why::Missing
            } else {
                Why::Form
            };
            return Err(self.broken(why));
        };
        let (line, rest) = (&self.rest[..end], &self.rest[end + 1..]);
        let value: T = serde_json::from_slice(line).map_err(|_| self.unreadable(line))?;
        if canonical(&value) != line {
            return Err(self.unreadable(line));
        }
        self.rest = rest;
        self.read += end + 1;
        Ok(value)
    }

    fn unreadable(&self, line: &[u8]) -> Broken {
        Broken {
            line: self.line,
            record: record_in(line),
            why: Why::Form,
        }
    }

    fn broken(&self, why: Why) -> Broken {
        Broken {
            line: self.line,
            record: None,
            why,
        }
    }

    fn fault(&self, record: RecordId, fault: Fault) -> Broken {
        Broken {
            line: self.line,
            record: Some(record),
            why: Why::Fault(fault),
        }
    }
}

/// The id in a line that is otherwise damaged.
fn record_in(line: &[u8]) -> Option<RecordId> {
    let text = std::str::from_utf8(line).ok()?;
    let (_, rest) = text.split_once(r#""id":""#)?;
    rest.get(..36)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::LedgerDecision::{Denied, Granted, Withdrawn};
    use proptest::prelude::*;

    use super::*;
    use crate::testing::World;

    /// Five entries of two devices, and one record that waits.
    fn exported() -> Vec<u8> {
        let mut world = World::new();
        let (mut one, mut other) = (world.device(1), world.device(2));
        for decision in [Denied, Granted, Withdrawn] {
            let signed = world.decide(&mut one, decision);
            world.enter(signed);
        }
        for decision in [Granted, Withdrawn] {
            let signed = world.decide(&mut other, decision);
            world.enter(signed);
        }
        let waiting = [world.decide(&mut one, Granted)];
        world.export(&one, &waiting)
    }

    fn lines(file: &[u8]) -> Vec<Vec<u8>> {
        file.split_inclusive(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect()
    }

    fn broken(file: &[u8]) -> Broken {
        check(file, None, None).unwrap_err()
    }

    #[test]
    fn what_was_written_is_good() {
        let file = exported();
        let checked = check(&file, None, None).unwrap();
        assert_eq!((checked.entries.len(), checked.waiting.len()), (5, 1));
        let keys = World::new().keys();
        check(&file, Some(&keys.identity), Some(&keys.ledger)).unwrap();
        assert_eq!(
            check(&file, Some(&keys.ledger), None).unwrap_err().why,
            Why::Key
        );
    }

    /// The file that the page `verifier.html` is tested with, too; and whoever saved one keeps a file
    /// that later versions can check.
    #[test]
    fn the_format_stays() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/ledger.jsonl");
        if std::env::var_os("JASMIN_WRITE_TESTDATA").is_some() {
            std::fs::write(path, exported()).unwrap();
        }
        assert!(
            std::fs::read(path).unwrap() == exported(),
            "{path} is another"
        );
    }

    #[test]
    fn an_empty_ledger_is_good() {
        let world = World::new();
        let file = world.export(&world.device(1), &[]);
        assert!(check(&file, None, None).unwrap().entries.is_empty());
    }

    #[test]
    fn the_record_is_named() {
        let file = exported();
        let id = check(&file, None, None).unwrap().entries[1]
            .signed
            .record
            .id;
        let text = String::from_utf8(file).unwrap();
        let changed = text.replacen("\"granted\"", "\"denied\"", 1);
        let found = broken(changed.as_bytes());
        assert_eq!((found.line, found.record), (3, Some(id)), "{found}");
        assert!(found.to_string().contains(&id.to_string()));
    }

    #[test]
    fn nonsense_is_no_ledger() {
        assert_eq!(broken(b"").why, Why::Missing);
        assert_eq!(broken(b"{}\n").why, Why::Form);
        assert_eq!(broken(b"{}").why, Why::Form);
        let mut world = World::new();
        let mut device = world.device(1);
        let signed = world.decide(&mut device, Granted);
        world.enter(signed);
        let mut lines = lines(&world.export(&device, &[]));
        lines.push(b"\n".to_vec());
        assert_eq!(broken(&lines.concat()).why, Why::Surplus);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn any_changed_byte_is_found(pick: proptest::sample::Index, by in 1_u8..=255) {
            let mut file = exported();
            let at = pick.index(file.len());
            let line = file[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
            file[at] ^= by;
            let found = broken(&file);
            // In its own line, or, for what only the seal covers, in the last.
            prop_assert!(found.line == line || found.why == Why::Seal || line == 1, "{found:?} for line {line}");
        }

        #[test]
        fn any_dropped_swapped_or_inserted_line_is_found(
            from: proptest::sample::Index,
            to: proptest::sample::Index,
            what in 0..3,
        ) {
            let mut lines = lines(&exported());
            let (from, to) = (from.index(lines.len()), to.index(lines.len()));
            match what {
                0 => drop(lines.remove(from)),
                1 if lines[from] == lines[to] => return Ok(()),
                1 => lines.swap(from, to),
                _ => {
                    let copy = lines[from].clone();
                    lines.insert(to, copy);
                }
            }
            prop_assert!(check(&lines.concat(), None, None).is_err());
        }

        #[test]
        fn any_bytes_are_an_error_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(check(&bytes, None, None).is_err());
        }
    }
}
