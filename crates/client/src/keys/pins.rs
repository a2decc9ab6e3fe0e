use std::collections::BTreeMap;

use jasmin_protocol::UserId;
use serde::{Deserialize, Serialize};

use super::PublicIdentity;

/// The identity keys of other people, as first seen. A key that changes is never taken over in
/// silence: it waits beside the old one until a person accepts it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pins(BTreeMap<UserId, Pin>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pin {
    key: PublicIdentity,
    since_ms: i64,
    /// The safety words were compared with this key and matched.
    verified: bool,
    /// Another key that the server handed out since.
    #[serde(default)]
    pending: Option<PublicIdentity>,
}

/// What [`Pins::see`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The first key of this person: pinned.
    First,
    /// The pinned key.
    Same,
    /// Another key than the pinned one.
    Changed,
}

/// The key of a checked person changed: no call before a person accepts the new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the identity key of a checked person changed")]
pub struct KeyChanged;

impl Pins {
    /// Compares a key with the pinned one. A change stays noted even when the old key comes back
    /// later in the same answer of the server: only [`Pins::see`] of the pinned key clears it.
    pub fn see(&mut self, user_id: UserId, key: PublicIdentity, now_ms: i64) -> Seen {
        let Some(pin) = self.0.get_mut(&user_id) else {
            let pin = Pin {
                key,
                since_ms: now_ms,
                verified: false,
                pending: None,
            };
            self.0.insert(user_id, pin);
            return Seen::First;
        };
        if pin.key == key {
            pin.pending = None;
            return Seen::Same;
        }
        pin.pending = Some(key);
        Seen::Changed
    }

    /// The key to call this person with. An unchecked person's new key can be used at once (with a
    /// warning on the screen: [`Pins::is_changed`]), a checked person's only after
    /// [`Pins::accept_change`].
    ///
    /// # Errors
    /// [`KeyChanged`]: blocked.
    pub fn key_for_call(&self, user_id: UserId) -> Result<Option<PublicIdentity>, KeyChanged> {
        match self.0.get(&user_id) {
            None => Ok(None),
            Some(Pin {
                verified: true,
                pending: Some(_),
                ..
            }) => Err(KeyChanged),
            Some(pin) => Ok(Some(pin.pending.unwrap_or(pin.key))),
        }
    }

    /// A person accepts the new key. It is not a checked one: the words must be compared again.
    pub fn accept_change(&mut self, user_id: UserId, now_ms: i64) {
        if let Some(pin) = self.0.get_mut(&user_id)
            && let Some(key) = pin.pending.take()
        {
            *pin = Pin {
                key,
                since_ms: now_ms,
                verified: false,
                pending: None,
            };
        }
    }

    /// The verdict on the safety words of a call that was made with `key`. A match also accepts a
    /// changed key; "they differ" takes an earlier match back.
    pub fn set_verified(&mut self, user_id: UserId, key: PublicIdentity, matched: bool) {
        let Some(pin) = self.0.get_mut(&user_id) else {
            return;
        };
        if pin.pending == Some(key) && matched {
            pin.key = key;
            pin.pending = None;
        }
        if pin.key == key {
            pin.verified = matched;
        }
    }

    /// The words were compared and matched, for the pinned key.
    pub fn is_verified(&self, user_id: UserId) -> bool {
        self.0.get(&user_id).is_some_and(|pin| pin.verified)
    }

    /// The server hands out another key than the pinned one.
    pub fn is_changed(&self, user_id: UserId) -> bool {
        self.0
            .get(&user_id)
            .is_some_and(|pin| pin.pending.is_some())
    }

    /// The contact ended: a later one starts anew, with the words unchecked.
    pub fn forget(&mut self, user_id: UserId) {
        self.0.remove(&user_id);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::keys::IdentityKey;

    #[test]
    fn the_first_key_is_pinned_and_another_one_waits() {
        let (user, old, new) = world();
        let mut pins = Pins::default();
        assert_eq!(pins.see(user, old, 1), Seen::First);
        assert_eq!(pins.see(user, old, 2), Seen::Same);
        assert_eq!(pins.see(user, new, 3), Seen::Changed);
        assert!(pins.is_changed(user));
        assert_eq!(
            pins.key_for_call(user),
            Ok(Some(new)),
            "unchecked: allowed, with a warning"
        );
        assert_eq!(
            pins.see(user, new, 4),
            Seen::Changed,
            "still not taken over"
        );
        pins.accept_change(user, 5);
        assert!(!pins.is_changed(user));
        assert_eq!(pins.see(user, new, 6), Seen::Same);
    }

    #[test]
    fn a_checked_persons_new_key_blocks_calls_until_it_is_accepted() {
        let (user, old, new) = world();
        let mut pins = Pins::default();
        pins.see(user, old, 1);
        pins.set_verified(user, old, true);
        assert!(pins.is_verified(user));
        pins.see(user, new, 2);
        assert_eq!(pins.key_for_call(user), Err(KeyChanged));
        pins.accept_change(user, 3);
        assert_eq!(pins.key_for_call(user), Ok(Some(new)));
        assert!(!pins.is_verified(user), "the words must be compared again");
    }

    #[test]
    fn matching_words_check_the_key_that_the_call_used() {
        let (user, old, new) = world();
        let mut pins = Pins::default();
        pins.see(user, old, 1);
        pins.see(user, new, 2);
        pins.set_verified(user, new, true);
        assert!(pins.is_verified(user) && !pins.is_changed(user));
        assert_eq!(pins.key_for_call(user), Ok(Some(new)));
        pins.set_verified(user, new, false);
        assert!(!pins.is_verified(user));
    }

    #[test]
    fn words_of_an_unknown_key_change_nothing() {
        let (user, old, new) = world();
        let mut pins = Pins::default();
        pins.set_verified(user, old, true);
        assert_eq!(pins, Pins::default());
        pins.see(user, old, 1);
        pins.set_verified(user, new, true);
        assert!(!pins.is_verified(user));
    }

    fn world() -> (UserId, PublicIdentity, PublicIdentity) {
        let key = || IdentityKey::generate().public();
        (UserId(Uuid::now_v7()), key(), key())
    }
}
