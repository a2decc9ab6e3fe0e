//! What the server committed itself to in public, against what this device knows: a ledger that is
//! shown to one device and not to another cannot be in the tree as both know it.

use jasmin_consent::{
    chain::{self, root_is_signed},
    merkle, moment,
};
use jasmin_protocol::{Base64, DailyRoot, LeafProof, RootProof};

use super::Ledger;
use crate::{LedgerFault, LedgerTrouble};

/// The server lists no more than this many.
const MOST_ROOTS: usize = 400;
/// A day's root is there when the next day is over.
const OVERDUE_MS: i64 = 3 * 86_400_000;

impl Ledger {
    /// The newest root, where it was not checked yet.
    ///
    /// # Errors
    /// When it is not signed by the server, or not what the server said before.
    pub(crate) fn unchecked_root<'a>(
        &self,
        roots: &'a [DailyRoot],
        now_ms: i64,
    ) -> Result<Option<&'a DailyRoot>, LedgerTrouble> {
        let Some(key) = &self.key else {
            return Ok(None);
        };
        let newest = roots.iter().max_by(|a, b| a.day.cmp(&b.day));
        if let Some(checked) = &self.checked {
            // It never changes, and goes away only when so many came after it.
            let stays = roots.iter().any(|root| root == checked);
            let is_old =
                roots.len() >= MOST_ROOTS && roots.iter().all(|root| root.day > checked.day);
            if !stays && !is_old {
                return Err(self.uncommitted());
            }
        }
        // Every day is committed to, from the first decision on.
        let due = moment::day(now_ms - OVERDUE_MS);
        let owes = due.as_ref().is_some_and(|due| self.head_at(due).is_some());
        if owes && newest.map(|root| &root.day) < due.as_ref() {
            return Err(self.uncommitted());
        }
        match newest {
            Some(root) if !root_is_signed(root, key) => Err(self.uncommitted()),
            Some(root) if self.checked.as_ref() == Some(root) => Ok(None),
            Some(root) => Ok(Some(root)),
            None => Ok(None),
        }
    }

    /// Looks whether this ledger, as it was at the end of a root's day, is in its tree.
    pub(crate) fn check_root(&mut self, root: &DailyRoot, proof: &RootProof) {
        let head = self.head_at(&root.day);
        let fits = proof.day == root.day
            && match (head, &proof.leaf) {
                (None, None) => true,
                (Some(head), Some(leaf)) => proves(root, leaf, &head),
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

fn proves(root: &DailyRoot, proof: &LeafProof, head: &[u8; 32]) -> bool {
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
            merkle::proves(&way, head, index, leaves, &top)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::tests::{World, told},
        *,
    };

    /// The day of the entries in [`told`], and a moment on the next.
    const DAY: &str = "2026-11-30";
    const NEXT: i64 = 1_796_083_200_000;

    fn root(leaves: &[[u8; 32]], day: &str, world: &World) -> DailyRoot {
        let mut root = DailyRoot {
            day: day.to_owned(),
            leaves: leaves.len() as u64,
            root: Base64(merkle::root(leaves).to_vec()),
            signature: Base64::default(),
        };
        chain::sign_root(&mut root, &world.server);
        root
    }

    fn proof(leaves: &[[u8; 32]], index: Option<usize>, day: &str) -> RootProof {
        let leaf = index.map(|index| LeafProof {
            index: index as u64,
            way: merkle::proof(leaves, index)
                .unwrap()
                .into_iter()
                .map(|hash| Base64(hash.to_vec()))
                .collect(),
        });
        RootProof {
            day: day.to_owned(),
            leaf,
        }
    }

    #[test]
    fn a_ledger_in_the_tree_is_fine_and_is_checked_once() {
        let (world, mut ledger) = told(3);
        let head = chain::entry_hash(&world.entries[2]);
        let leaves = [[1; 32], head, [3; 32]];
        let first = root(&leaves, DAY, &world);
        let roots = [first.clone()];
        assert_eq!(ledger.unchecked_root(&roots, NEXT), Ok(Some(&first)));
        ledger.check_root(&first, &proof(&leaves, Some(1), DAY));
        assert_eq!(ledger.trouble(), None);
        assert_eq!(ledger.unchecked_root(&roots, NEXT), Ok(None));
        let second = root(&leaves, "2026-12-01", &world);
        let both = [second.clone(), first];
        assert_eq!(ledger.unchecked_root(&both, NEXT), Ok(Some(&second)));
    }

    #[test]
    fn a_ledger_that_others_see_otherwise_is_noticed() {
        let (world, ledger) = told(3);
        let head = chain::entry_hash(&world.entries[2]);
        let before = chain::entry_hash(&world.entries[1]);
        for (leaves, index, day, why) in [
            (vec![[1; 32], [9; 32]], Some(1), DAY, "another head"),
            (vec![[1; 32]], None, DAY, "no ledger at all"),
            (vec![[1; 32], head], Some(0), DAY, "somebody else's place"),
            (vec![before], Some(0), DAY, "an entry less"),
            (vec![head], Some(0), "2026-12-01", "a proof of another day"),
        ] {
            let mut ledger = ledger.clone();
            ledger.check_root(&root(&leaves, DAY, &world), &proof(&leaves, index, day));
            let trouble = ledger.trouble().unwrap();
            assert_eq!(trouble.fault, LedgerFault::Uncommitted, "{why}");
        }
    }

    #[test]
    fn roots_that_change_go_away_or_do_not_come_are_noticed() {
        let (world, mut ledger) = told(2);
        let head = chain::entry_hash(&world.entries[1]);
        let honest = root(&[head], DAY, &world);
        ledger.check_root(&honest, &proof(&[head], Some(0), DAY));
        let later = root(&[head], "2026-12-01", &world);
        let mut forged = later.clone();
        forged.signature.0[0] ^= 1;
        let changed = root(&[head, [1; 32]], DAY, &world);
        for (roots, why) in [
            (vec![changed], "another root of the same day"),
            (vec![forged, honest.clone()], "not signed by the server"),
            (vec![later], "the checked one is gone"),
            (vec![], "all are gone"),
        ] {
            assert!(ledger.unchecked_root(&roots, NEXT).is_err(), "{why}");
        }
        let roots = [honest];
        let in_days = |days: i64| ledger.unchecked_root(&roots, NEXT + days * 86_400_000);
        assert_eq!(in_days(1), Ok(None));
        assert!(in_days(4).is_err(), "no new one came");
        assert!(
            told(1).1.unchecked_root(&[], NEXT).is_ok(),
            "none is due yet"
        );
        assert!(
            told(1)
                .1
                .unchecked_root(&[], NEXT + 4 * 86_400_000)
                .is_err()
        );
    }

    #[test]
    fn before_the_first_decision_there_is_nothing_to_be_found() {
        let (world, mut ledger) = told(2);
        let day = "2026-11-29";
        let early = root(&[[1; 32]], day, &world);
        ledger.check_root(&early, &proof(&[[1; 32]], None, day));
        assert_eq!(ledger.trouble(), None);
        ledger.check_root(&early, &proof(&[[1; 32]], Some(0), day));
        assert!(ledger.trouble().is_some(), "somebody decided in this name");
    }
}
