use std::{
    os::unix::process::CommandExt as _,
    process::{Child, Command},
};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};

/// The file name of a program.
pub(crate) fn executable(name: &str) -> String {
    name.to_owned()
}

/// The npm program.
pub(crate) fn npm() -> &'static str {
    "npm"
}

/// Makes the program the head of a group, so that it can be ended with all that it starts.
pub(crate) fn in_own_group(command: &mut Command) -> &mut Command {
    command.process_group(0)
}

/// Asks a program of [`in_own_group`] and all that it started to end.
pub(crate) fn end_tree(child: &Child) {
    signal(child, Signal::SIGTERM);
}

/// Ends a program of [`in_own_group`] and all that it started, now.
pub(crate) fn kill_tree(child: &Child) {
    signal(child, Signal::SIGKILL);
}

fn signal(child: &Child, signal: Signal) {
    let Ok(group) = i32::try_from(child.id()) else {
        return;
    };
    // A group that is gone already is what was wanted.
    let _gone = killpg(Pid::from_raw(group), signal);
}
