//! Contacts, requests and asked addresses, as known on this device.

use std::collections::BTreeMap;

use jasmin_protocol::{Contact, ContactState, Contacts, Event, UserId};
use serde::{Deserialize, Serialize};

use crate::{
    AskedView, PersonView, RequestView, call_log::CallLog, clock::ServerClock, keys::Pins,
    redact::Personal,
};

/// Who is who. Filled by `GET /v1/contacts`, kept current by events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct People {
    people: BTreeMap<UserId, Person>,
    /// Names of people who are no contacts any more, for the call log.
    former: BTreeMap<UserId, Personal<String>>,
    asked: Vec<Asked>,
}

/// A contact, or somebody who asks to be one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The name.
    pub name: Personal<String>,
    /// The address.
    pub email: Personal<String>,
    /// How we stand.
    pub state: ContactState,
    /// Since when, by the server's clock.
    pub since_ms: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Asked {
    email: Personal<String>,
    since_ms: i64,
}

impl People {
    /// Takes the server's whole list over.
    pub fn replace(&mut self, contacts: Contacts) {
        for (user_id, person) in std::mem::take(&mut self.people) {
            self.former.insert(user_id, person.name);
        }
        for contact in contacts.contacts {
            self.put(contact);
        }
    }

    /// Takes an event over. Events that are not about people change nothing.
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::ContactRequested { contact } | Event::ContactAccepted { contact } => {
                self.put(contact.clone());
            }
            Event::ContactRemoved { user_id } => self.remove(*user_id),
            Event::CallRing { .. }
            | Event::CallAnswered { .. }
            | Event::CallTakenElsewhere { .. }
            | Event::CallOver { .. }
            | Event::ConsentsChanged { .. }
            | Event::SharesChanged
            | Event::KeyChanged { .. } => {}
        }
    }

    /// I said yes to somebody who asks.
    pub fn accept(&mut self, user_id: UserId) {
        if let Some(person) = self.people.get_mut(&user_id) {
            person.state = ContactState::Accepted;
        }
    }

    /// A contact or a request is no more.
    pub fn remove(&mut self, user_id: UserId) {
        if let Some(person) = self.people.remove(&user_id) {
            self.former.insert(user_id, person.name);
        }
    }

    /// I asked this address. Asking again moves it to the front. `now_ms` by the server's clock.
    pub fn ask(&mut self, email: &str, now_ms: i64) {
        self.asked
            .retain(|asked| !same_address(asked.email.reveal(), email));
        self.asked.push(Asked {
            email: email.to_owned().into(),
            since_ms: now_ms,
        });
    }

    /// A contact or somebody who asks.
    pub fn get(&self, user_id: UserId) -> Option<&Person> {
        self.people.get(&user_id)
    }

    /// Whether we can ring each other.
    pub fn is_contact(&self, user_id: UserId) -> bool {
        self.get(user_id)
            .is_some_and(|person| person.state == ContactState::Accepted)
    }

    /// The name of a contact, or of somebody who was one. Empty for somebody unknown.
    pub fn name(&self, user_id: UserId) -> &str {
        let former = || self.former.get(&user_id);
        let name = self
            .people
            .get(&user_id)
            .map(|person| &person.name)
            .or_else(former);
        name.map_or("", |name| name.reveal())
    }

    /// Accepted contacts, by name.
    pub fn views(&self, pins: &Pins, log: &CallLog, clock: &ServerClock) -> Vec<PersonView> {
        let mut views: Vec<PersonView> = self
            .people
            .iter()
            .filter(|(_, person)| person.state == ContactState::Accepted)
            .map(|(user_id, person)| PersonView {
                user_id: *user_id,
                name: person.name.reveal().clone(),
                email: person.email.reveal().clone(),
                verified: pins.is_verified(*user_id),
                key_changed: pins.is_changed(*user_id),
                last_call_ms: log.last_call_ms(*user_id).map(|ms| page_ms(clock, ms)),
            })
            .collect();
        views.sort_by_cached_key(|view| (view.name.to_lowercase(), view.user_id));
        views
    }

    /// People who ask, oldest first.
    pub fn requests(&self, clock: &ServerClock) -> Vec<RequestView> {
        let mut asking: Vec<(&UserId, &Person)> = self
            .people
            .iter()
            .filter(|(_, person)| person.state == ContactState::Incoming)
            .collect();
        asking.sort_by_key(|(_, person)| person.since_ms);
        asking
            .into_iter()
            .map(|(user_id, person)| RequestView {
                user_id: *user_id,
                name: person.name.reveal().clone(),
                email: person.email.reveal().clone(),
                since_ms: page_ms(clock, person.since_ms),
            })
            .collect()
    }

    /// Addresses that I asked and that have not become contacts, newest first.
    pub fn asked(&self, clock: &ServerClock) -> Vec<AskedView> {
        self.asked
            .iter()
            .rev()
            .map(|asked| AskedView {
                email: asked.email.reveal().clone(),
                since_ms: page_ms(clock, asked.since_ms),
            })
            .collect()
    }

    fn put(&mut self, contact: Contact) {
        let Contact {
            user_id,
            name,
            email,
            state,
            since_ms,
        } = contact;
        if state == ContactState::Accepted {
            self.asked
                .retain(|asked| !same_address(asked.email.reveal(), &email));
        }
        self.former.remove(&user_id);
        let person = Person {
            name: name.into(),
            email: email.into(),
            state,
            since_ms,
        };
        self.people.insert(user_id, person);
    }
}

/// Addresses are compared without case, as the server does.
pub fn same_address(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since 1970 fit into 53 bits"
)]
pub(crate) fn page_ms(clock: &ServerClock, server_ms: i64) -> f64 {
    clock.to_local_ms(server_ms) as f64
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::{CallId, CallState};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn requests_become_people_and_asked_addresses_go() {
        let clock = ServerClock::new();
        let mut people = People::default();
        people.ask("Bob@Example.com", 1);
        people.ask("carol@example.com", 2);
        let bob = contact("Bob", "bob@example.com", ContactState::Incoming, 3);
        people.apply(&Event::ContactRequested {
            contact: bob.clone(),
        });
        assert_eq!(people.requests(&clock).len(), 1);
        assert_eq!(
            people.asked(&clock)[0].email,
            "carol@example.com",
            "newest first"
        );
        assert!(!people.is_contact(bob.user_id));

        people.accept(bob.user_id);
        assert!(people.is_contact(bob.user_id));
        let accepted = Contact {
            state: ContactState::Accepted,
            ..bob.clone()
        };
        people.apply(&Event::ContactAccepted { contact: accepted });
        assert!(people.is_contact(bob.user_id));
        assert!(people.requests(&clock).is_empty());
        let asked: Vec<String> = people
            .asked(&clock)
            .into_iter()
            .map(|view| view.email)
            .collect();
        assert_eq!(asked, ["carol@example.com"], "compared without case");
    }

    #[test]
    fn views_are_sorted_by_name_and_requests_by_date() {
        let clock = ServerClock::new();
        let mut people = People::default();
        people.replace(Contacts {
            contacts: vec![
                contact("zoe", "z@example.com", ContactState::Accepted, 1),
                contact("Ada", "a@example.com", ContactState::Accepted, 2),
                contact("Late", "l@example.com", ContactState::Incoming, 9),
                contact("Early", "e@example.com", ContactState::Incoming, 3),
            ],
        });
        let views = people.views(&Pins::default(), &CallLog::default(), &clock);
        let names: Vec<&str> = views.iter().map(|view| view.name.as_str()).collect();
        assert_eq!(names, ["Ada", "zoe"]);
        let requests = people.requests(&clock);
        let names: Vec<&str> = requests.iter().map(|view| view.name.as_str()).collect();
        assert_eq!(names, ["Early", "Late"]);
    }

    #[test]
    fn the_name_outlives_the_contact_for_the_call_log() {
        let mut people = People::default();
        let bob = contact("Bob", "bob@example.com", ContactState::Accepted, 1);
        people.replace(Contacts {
            contacts: vec![bob.clone()],
        });
        people.apply(&Event::ContactRemoved {
            user_id: bob.user_id,
        });
        assert!(people.get(bob.user_id).is_none());
        assert_eq!(people.name(bob.user_id), "Bob");
        people.replace(Contacts { contacts: vec![] });
        assert_eq!(people.name(bob.user_id), "Bob");
        assert_eq!(people.name(UserId(Uuid::now_v7())), "");
    }

    #[test]
    fn other_events_change_nothing() {
        let mut people = People::default();
        people.apply(&Event::CallOver {
            call_id: CallId(Uuid::now_v7()),
            state: CallState::Missed,
            ended_ms: 1,
        });
        assert_eq!(people, People::default());
    }

    fn contact(name: &str, email: &str, state: ContactState, since_ms: i64) -> Contact {
        let user_id = UserId(Uuid::now_v7());
        Contact {
            user_id,
            name: name.to_owned(),
            email: email.to_owned(),
            state,
            since_ms,
        }
    }
}
