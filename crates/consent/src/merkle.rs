//! A Merkle tree (RFC 9162, section 2.1): one hash for a list, and short proofs that something is in
//! it.

use sha2::{Digest, Sha256};

/// SHA-256.
pub type Hash = [u8; 32];

/// The root over these leaves, in their order. Of none, it is the hash of nothing.
#[must_use]
pub fn root(leaves: &[impl AsRef<[u8]>]) -> Hash {
    match leaves {
        [] => Sha256::digest(b"").into(),
        [one] => leaf(one.as_ref()),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&root(left), &root(right))
        }
    }
}

/// What proves that the leaf at `index` is in the tree: the hashes beside its way up. `None` when
/// there is no such leaf.
#[must_use]
pub fn proof(leaves: &[impl AsRef<[u8]>], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    if leaves.len() == 1 {
        return Some(Vec::new());
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut way, beside) = if index < at {
        (proof(left, index)?, root(right))
    } else {
        (proof(right, index - at)?, root(left))
    };
    way.push(beside);
    Some(way)
}

/// Whether `way` proves that `value` is leaf `index` of the `count` leaves under `expected`.
#[must_use]
pub fn proves(way: &[Hash], value: &[u8], index: usize, count: usize, expected: &Hash) -> bool {
    climb(way, leaf(value), index, count).is_some_and(|found| found == *expected)
}

fn climb(way: &[Hash], value: Hash, index: usize, count: usize) -> Option<Hash> {
    if index >= count {
        return None;
    }
    if count == 1 {
        return way.is_empty().then_some(value);
    }
    let (beside, below) = way.split_last()?;
    let at = split(count);
    Some(if index < at {
        node(&climb(below, value, index, at)?, beside)
    } else {
        node(beside, &climb(below, value, index - at, count - at)?)
    })
}

/// The largest power of two below `count`, which is at least two.
fn split(count: usize) -> usize {
    count.next_power_of_two() / 2
}

fn leaf(value: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(value)
        .finalize()
        .into()
}

fn node(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(hash: Hash) -> String {
        hash.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The tree that certificate transparency's own tests use.
    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let leaves: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let none: [&[u8]; 0] = [];
        for (count, expected) in [
            (
                0,
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                1,
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            ),
            (
                8,
                "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
            ),
        ] {
            let found = if count == 0 {
                root(&none)
            } else {
                root(&leaves[..count])
            };
            assert_eq!(hex(found), expected, "{count} leaves");
        }
    }

    proptest! {
        #[test]
        fn every_leaf_is_proved_and_no_other(
            leaves in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..8), 1..40),
            pick: proptest::sample::Index,
            other in proptest::collection::vec(any::<u8>(), 0..8),
        ) {
            let index = pick.index(leaves.len());
            let top = root(&leaves);
            let way = proof(&leaves, index).unwrap();
            prop_assert!(proves(&way, &leaves[index], index, leaves.len(), &top));
            prop_assert!(other == leaves[index] || !proves(&way, &other, index, leaves.len(), &top));
            prop_assert!(!proves(&way, &leaves[index], leaves.len(), leaves.len(), &top));
            let mut longer = way.clone();
            longer.push([7; 32]);
            prop_assert!(!proves(&longer, &leaves[index], index, leaves.len(), &top));
            prop_assert_eq!(proof(&leaves, leaves.len()), None);
        }
    }
}
