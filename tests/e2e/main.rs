//! Whole-system scenarios: two people, two windows, one server. `cargo xtask e2e` runs them.

mod server;
