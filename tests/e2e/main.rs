//! Whole-system scenarios: two people, two windows, one server. `cargo xtask e2e` runs them.

mod call;
mod consent;
mod cover;
mod device_check;
mod keyring;
mod ledger;
mod refusals;
mod second_instance;
mod server;
mod server_killed;
mod unplug;

use jasmin_tests::pair;
