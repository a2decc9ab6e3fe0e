//! What differs between systems, behind the same names.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(windows)]
mod windows;

#[cfg(target_os = "linux")]
pub(crate) use linux::{install, missing};
#[cfg(target_os = "macos")]
pub(crate) use macos::{install, missing};
#[cfg(windows)]
pub(crate) use windows::{install, missing};

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::{end_tree, executable, in_own_group, kill_tree, npm};
#[cfg(windows)]
pub(crate) use windows::{end_tree, executable, in_own_group, kill_tree, npm};

/// Whether whole-system tests can run here: they drive WebKitGTK windows on a virtual screen.
pub(crate) const HAS_WINDOW_TESTS: bool = cfg!(target_os = "linux");

/// The kinds of package that are made on this system.
pub(crate) const BUNDLES: &str = if cfg!(windows) {
    "nsis"
} else if cfg!(target_os = "macos") {
    "app,dmg"
} else {
    "deb,rpm"
};

/// Whether this session has a screen that a window can open on.
pub(crate) fn has_screen() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !cfg!(target_os = "linux") || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}
