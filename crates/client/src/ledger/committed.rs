//! What the server committed itself to in public, against what this device knows: a ledger that is
//! shown to one device and not to another cannot be in the tree as both know it.

use jasmin_consent::{
    chain::{self, root_is_signed},
    merkle,
};
use jasmin_protocol::{Base64, DailyRoot, RootProof};

use super::Ledger;
use crate::{LedgerFault, LedgerTrouble};

impl Ledger {
    /// The newest root, where it was not checked yet.
    ///
    /// # Errors
    /// When it is not signed by the server, or not what the server said before.
    pub(crate) fn unchecked_root<'a>(
        &self,
        roots: &'a [DailyRoot],
    ) -> Result<Option<&'a DailyRoot>, LedgerTrouble> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        let newest = roots.iter().max_by(|a, b| a.day.cmp(&b.day));
        if let Some(checked) = &self.checked {
            // It never changes, and never goes away while it is among the newest.
            let stays = roots.iter().any(|root| root == checked);
            let is_old = roots.iter().all(|root| root.day > checked.day);
            if !stays && (!is_old || roots.is_empty()) {
                return Err(self.uncommitted());
            }
        }
        match newest {
            Some(root) if !root_is_signed(root, key) => Err(self.uncommitted()),
            Some(root) if self.checked.as_ref() == Some(root) => Ok(None),
            Some(root) => Ok(Some(root)),
            None => Ok(None),
        }
    }

    /// Looks whether this ledger, as it was at the end of a root's day, is in its tree. `proof` is
    /// `None` where the server says that there was no ledger.
    pub(crate) fn check_root(&mut self, root: &DailyRoot, proof: Option<&RootProof>) {
        let head = self.head_at(&root.day);
        let fits = match (head, proof) {
            (None, None) => true,
            (Some(head), Some(proof)) => proves(root, proof, &head),
            (None, Some(_)) | (Some(_), None) => false,
        };
        if fits {
            self.checked = Some(root.clone());
            self.uncommitted = None;
        } else {
            self.uncommitted = Some(self.uncommitted());
        }
    }

    /// The server's commitments do not fit by themselves.
    pub(crate) fn not_committed(&mut self, trouble: LedgerTrouble) {
        self.uncommitted = Some(trouble);
    }

    fn uncommitted(&self) -> LedgerTrouble {
        LedgerTrouble {
            fault: LedgerFault::Uncommitted,
            sequence: self.last(),
        }
    }

    /// The hash of the last entry that came in by the end of a day.
    fn head_at(&self, day: &str) -> Option<[u8; 32]> {
        let by_then = |at: &str| at.get(..day.len()).is_some_and(|at| at <= day);
        let mut entries = self.entries.iter().rev();
        entries
            .find(|entry| by_then(&entry.at_server))
            .map(chain::entry_hash)
    }
}

fn proves(root: &DailyRoot, proof: &RootProof, head: &[u8; 32]) -> bool {
    let hash = |bytes: &Base64| <[u8; 32]>::try_from(bytes.0.as_slice()).ok();
    let way: Option<Vec<[u8; 32]>> = proof.way.iter().map(hash).collect();
    let number = |count: u64| usize::try_from(count).ok();
    match (
        way,
        hash(&root.root),
        number(proof.index),
        number(root.leaves),
    ) {
        (Some(way), Some(top), Some(index), Some(leaves)) => {
            proof.day == root.day && merkle::proves(&way, head, index, leaves, &top)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::told, *};

    /// The day of the entries in [`told`].
    const DAY: &str = "2026-11-30";

    fn root(leaves: &[[u8; 32]], day: &str, key: &ed25519_dalek::SigningKey) -> DailyRoot {
        let mut root = DailyRoot {
            day: day.to_owned(),
            leaves: leaves.len() as u64,
            root: Base64(merkle::root(leaves).to_vec()),
            signature: Base64::default(),
        };
        chain::sign_root(&mut root, key);
        root
    }

    fn proof(leaves: &[[u8; 32]], index: usize, day: &str) -> RootProof {
        let way = merkle::proof(leaves, index).unwrap();
        RootProof {
            day: day.to_owned(),
            index: index as u64,
            way: way.into_iter().map(|hash| Base64(hash.to_vec())).collect(),
        }
    }

    #[test]
    fn a_ledger_in_the_tree_is_fine_and_is_checked_once() {
        let (world, mut ledger) = told(3);
        let head = chain::entry_hash(&world.entries[2]);
        let leaves = [[1; 32], head, [3; 32]];
        let root = root(&leaves, DAY, &world.server);
        let roots = [root.clone()];
        assert_eq!(ledger.unchecked_root(&roots), Ok(Some(&root)));
        ledger.check_root(&root, Some(&proof(&leaves, 1, DAY)));
        assert_eq!(ledger.trouble(), None);
        assert_eq!(ledger.unchecked_root(&roots), Ok(None));
        let mut later = world_of_days(&world, &leaves);
        later.push(root);
        assert!(ledger.unchecked_root(&later).unwrap().is_some());
    }

    fn world_of_days(world: &super::super::tests::World, leaves: &[[u8; 32]]) -> Vec<DailyRoot> {
        ["2026-12-02", "2026-12-01"]
            .map(|day| root(leaves, day, &world.server))
            .into()
    }

    #[test]
    fn a_ledger_that_others_see_otherwise_is_noticed() {
        let (world, ledger) = told(3);
        let head = chain::entry_hash(&world.entries[2]);
        let shown_elsewhere = [9; 32];
        for (leaves, index, why) in [
            (vec![[1; 32], shown_elsewhere], Some(1), "another head"),
            (vec![[1; 32]], None, "no ledger at all"),
            (vec![[1; 32], head], Some(0), "somebody else's place"),
            (
                vec![chain::entry_hash(&world.entries[1])],
                Some(0),
                "an entry less",
            ),
        ] {
            let mut ledger = ledger.clone();
            let root = root(&leaves, DAY, &world.server);
            let proof = index.map(|index| proof(&leaves, index, DAY));
            ledger.check_root(&root, proof.as_ref());
            let trouble = ledger.trouble().unwrap();
            assert_eq!(trouble.fault, LedgerFault::Uncommitted, "{why}");
        }
    }

    #[test]
    fn a_root_that_changes_or_is_forged_is_noticed() {
        let (world, mut ledger) = told(2);
        let head = chain::entry_hash(&world.entries[1]);
        let honest = root(&[head], DAY, &world.server);
        ledger.check_root(&honest, Some(&proof(&[head], 0, DAY)));
        let changed = root(&[head, [1; 32]], DAY, &world.server);
        let stranger = ed25519_dalek::SigningKey::from_bytes(&[8; 32]);
        let forged = root(&[head], "2026-12-01", &stranger);
        let mut unsigned = honest.clone();
        unsigned.signature.0[0] ^= 1;
        for (roots, why) in [
            (vec![changed], "another root of the same day"),
            (vec![forged, honest], "not signed by the server"),
            (vec![unsigned], "a broken signature"),
            (vec![], "all are gone"),
        ] {
            assert!(ledger.unchecked_root(&roots).is_err(), "{why}");
        }
        assert_eq!(
            ledger
                .unchecked_root(&world_of_days(&world, &[head]))
                .map(|root| root.is_some()),
            Ok(true),
            "so old that it is not listed any more"
        );
    }

    #[test]
    fn before_the_first_decision_there_is_nothing_to_be_found() {
        let (world, mut ledger) = told(2);
        let early = root(&[[1; 32]], "2026-11-29", &world.server);
        ledger.check_root(&early, None);
        assert_eq!(ledger.trouble(), None);
        ledger.check_root(&early, Some(&proof(&[[1; 32]], 0, "2026-11-29")));
        assert!(ledger.trouble().is_some(), "somebody decided in this name");
    }
}
