//! How a person's purposes stand after all that their ledger holds.

use std::collections::BTreeMap;

use jasmin_protocol::{
    ConsentRecord, DeviceId, LedgerDecision, LedgerDuration, LedgerEntry, RecordId,
};

use crate::purpose::{self, Reach};

/// A yes that holds until it is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live<'a> {
    /// Code of the purpose.
    pub purpose: &'a str,
    /// On which device; `None` where it is the whole account's.
    pub device: Option<DeviceId>,
    /// The version of the policies that it was given under.
    pub policy: Option<&'a str>,
    /// The record with it.
    pub record: RecordId,
    /// What it is limited to.
    pub scope: Option<&'a str>,
    /// When it was given, by the device's clock.
    pub at_client: &'a str,
}

/// What a decision is about: the code of a purpose, and the device where it is a device's.
type About<'a> = (&'a str, Option<DeviceId>);

/// The word that counts about each purpose. Of decisions about the same, the latest by the clocks of the
/// devices counts, and among those of one moment one that is no yes.
#[must_use]
pub fn last<'a>(
    records: impl IntoIterator<Item = &'a ConsentRecord>,
) -> BTreeMap<About<'a>, &'a ConsentRecord> {
    let mut last: BTreeMap<About<'a>, &'a ConsentRecord> = BTreeMap::new();
    for record in records {
        let device = match purpose::find(&record.purpose).map(|purpose| purpose.reach) {
            Some(Reach::Device) => Some(record.device.certificate.device_id),
            Some(Reach::Account) => None,
            None => continue,
        };
        let rank = |record: &'a ConsentRecord| {
            let is_yes = record.decision == LedgerDecision::Granted;
            (record.at_client.as_str(), !is_yes)
        };
        let place = last.entry((&record.purpose, device)).or_insert(record);
        if rank(record) >= rank(place) {
            *place = record;
        }
    }
    last
}

/// What is allowed until taken back, by a ledger.
#[must_use]
pub fn live(entries: &[LedgerEntry]) -> Vec<Live<'_>> {
    let is_live = |record: &&ConsentRecord| {
        record.decision == LedgerDecision::Granted
            && record.duration == Some(LedgerDuration::UntilWithdrawn)
    };
    last(entries.iter().map(|entry| &entry.signed.record))
        .into_iter()
        .filter(|(_, record)| is_live(record))
        .map(|((purpose, device), record)| Live {
            purpose,
            device,
            policy: record.policy_set.as_ref().map(|set| set.version.as_str()),
            record: record.id,
            scope: record.scope.as_deref(),
            at_client: &record.at_client,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        moment,
        testing::{NOW, World},
    };

    #[test]
    fn the_latest_word_counts_and_of_two_at_once_the_no() {
        use LedgerDecision::{Granted, Superseded, Withdrawn};
        let mut world = World::new();
        let mut device = world.device(1);
        for (decision, at, lives, why) in [
            (Granted, 2, 1, "a yes"),
            (Withdrawn, 1, 1, "came in later, was decided before"),
            (Withdrawn, 2, 0, "a no of the same moment"),
            (Granted, 2, 0, "a yes of the same moment"),
            (Granted, 3, 1, "a later yes"),
            (Superseded, 4, 0, "the policies changed"),
        ] {
            let mut signed = world.decide(&mut device, decision);
            signed.record.at_client = moment::write(NOW + at * 1_000).unwrap();
            world.enter(signed);
            assert_eq!(live(&world.entries).len(), lives, "{why}");
        }
    }

    #[test]
    fn each_device_stands_for_itself() {
        let mut world = World::new();
        let mut devices = [world.device(1), world.device(2)];
        for device in &mut devices {
            let signed = world.decide(device, LedgerDecision::Granted);
            world.enter(signed);
        }
        let signed = world.decide(&mut devices[0], LedgerDecision::Withdrawn);
        world.enter(signed);
        let live = live(&world.entries);
        let other = devices[1].certificate.device_id;
        assert_eq!(
            live,
            [Live {
                purpose: "camera",
                device: Some(other),
                policy: None,
                record: world.entries[1].signed.record.id,
                scope: None,
                at_client: &world.entries[1].signed.record.at_client,
            }]
        );
    }
}
