use std::hash::{DefaultHasher, Hash, Hasher};

use tauri::{WebviewWindow, WebviewWindowBuilder, Wry};

pub(crate) use super::{
    no_glass::Glass,
    unix::{Door, asked_to_end, knock, make_private},
};
use crate::profile::Profile;

/// Nothing to set for the web view.
pub(crate) fn prepare() {}

/// There is always one.
pub(crate) fn find_screen() -> anyhow::Result<()> {
    Ok(())
}

/// Gives the web view a store of the profile's own (macOS 14 and later; before, all share one).
pub(crate) fn keep_apart<'a>(
    builder: WebviewWindowBuilder<'a, Wry, tauri::AppHandle>,
    profile: &Profile,
) -> WebviewWindowBuilder<'a, Wry, tauri::AppHandle> {
    let mut name = [0; 16];
    for (salt, half) in (0u8..).zip(name.chunks_exact_mut(8)) {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        profile.folder().hash(&mut hasher);
        half.copy_from_slice(&hasher.finish().to_le_bytes());
    }
    builder.data_store_identifier(name)
}

/// Nothing to switch off here: what the page could ask for is held by the content security policy,
/// which lets in no script but the program's own.
pub(crate) fn keep_from_devices(_window: &WebviewWindow) -> tauri::Result<()> {
    Ok(())
}

/// No such thing here: a program may activate itself.
pub(crate) fn activation_token() -> Option<String> {
    None
}

/// Nothing to do.
pub(crate) fn permit_front(_window: &WebviewWindow, _token: Option<&str>) -> tauri::Result<()> {
    Ok(())
}
