//! Whole-system scenarios: two people, two windows, one server. `cargo xtask e2e` runs them.

mod call;
mod consent;
mod cover;
mod device_check;
mod drawn;
mod keyring;
mod ledger;
mod partners;
mod policies;
mod refusals;
mod second_instance;
mod server;
mod server_killed;
mod unplug;

use jasmin_tests::pair;

#[expect(
    clippy::print_stderr,
    reason = "figures for whoever reads the test's output"
)]
fn tell(text: &str) {
    eprintln!("{text}");
}
