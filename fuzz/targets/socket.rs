#![no_main]

use jasmin_protocol::{ClientMessage, ServerMessage};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(message) = serde_json::from_slice::<ClientMessage>(data) {
        let text = serde_json::to_vec(&message).expect("what was read can be written");
        let again: ClientMessage = serde_json::from_slice(&text).expect("and read again");
        assert_eq!(message, again);
    }
    if let Ok(message) = serde_json::from_slice::<ServerMessage>(data) {
        let text = serde_json::to_vec(&message).expect("what was read can be written");
        let again: ServerMessage = serde_json::from_slice(&text).expect("and read again");
        assert_eq!(message, again);
    }
});
