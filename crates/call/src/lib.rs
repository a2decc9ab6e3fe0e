//! A call as a sans-IO state machine around str0m.
