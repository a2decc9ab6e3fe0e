mod glass;
mod opengl;
mod region;

use std::{env, fs};

use gtk::prelude::{GtkWindowExt, StyleContextExt};
use raw_window_handle::{HasWindowHandle, RawWindowHandle};
use tauri::{WebviewWindow, WebviewWindowBuilder, Wry};
use webkit2gtk::{SettingsExt, WebViewExt};

pub(crate) use super::unix::{Door, asked_to_end, knock, make_private};
use crate::profile::Profile;
pub(crate) use glass::Glass;

const RENDERER: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

/// From this size on, in bytes, memory comes from the system by itself and goes back at once.
#[cfg(target_env = "gnu")]
const OF_ITS_OWN: i32 = 1 << 20;

/// Longest token taken from the environment.
const LONGEST: usize = 512;

/// Without a compiler at run time the page's process is a seventh smaller, and nothing in it is
/// both written and run. The page is small: what takes time is done here.
const COMPILER: &str = "JSC_useJIT";

/// Settles how memory is handed out, and what the web view reads from the environment unless whoever
/// started the program did. Called before any thread runs.
pub(crate) fn prepare() {
    give_memory_back();
    set_if_absent(COMPILER, "0");
    // Without a graphics card, WebKit's DMA-BUF renderer paints with four times the processor time
    // of the other one.
    if !has_graphics_card() {
        set_if_absent(RENDERER, "1");
    }
    if env::var(RENDERER).is_ok_and(|value| value != "0") {
        opengl::leave_to_page();
    }
}

/// A codec takes tens of megabytes anew for each size of picture. Left to itself, the C library puts
/// them among the small things after a while, and the gaps stay: thirty megabytes of a call's.
fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    {
        #[expect(unsafe_code, reason = "a plain call, before any thread runs")]
        let taken = unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, OF_ITS_OWN) };
        debug_assert_eq!(taken, 1, "glibc takes up to 32 MiB");
    }
}

fn set_if_absent(name: &str, value: &str) {
    if env::var_os(name).is_none() {
        #[expect(unsafe_code, reason = "called before any thread runs")]
        unsafe {
            env::set_var(name, value);
        }
    }
}

/// Connects to the screen. On the main thread.
pub(crate) fn find_screen() -> anyhow::Result<()> {
    gtk::init().map_err(|_| {
        anyhow::anyhow!("no screen can be opened; look at DISPLAY and WAYLAND_DISPLAY")
    })
}

/// A render node of the kernel's direct rendering manager.
fn has_graphics_card() -> bool {
    fs::read_dir("/dev/dri").is_ok_and(|mut nodes| {
        nodes.any(|node| {
            node.is_ok_and(|node| node.file_name().to_string_lossy().starts_with("renderD"))
        })
    })
}

/// Lets the web view keep its things in the profile.
pub(crate) fn keep_apart<'a>(
    builder: WebviewWindowBuilder<'a, Wry, tauri::AppHandle>,
    profile: &Profile,
) -> WebviewWindowBuilder<'a, Wry, tauri::AppHandle> {
    builder.data_directory(profile.file("page"))
}

/// Takes cameras and microphones from the page: they are opened by the application, with a grant.
pub(crate) fn keep_from_devices(window: &WebviewWindow) -> tauri::Result<()> {
    window.with_webview(|webview| {
        if let Some(settings) = webview.inner().settings() {
            settings.set_enable_media_stream(false);
            settings.set_enable_webrtc(false);
        }
    })
}

/// The window on the X server, where the page begins in its corner.
fn x11_window(window: &WebviewWindow) -> Option<u32> {
    let frame = gtk::prelude::WidgetExt::style_context(&window.gtk_window().ok()?);
    let draws_frame = frame.has_class("csd") || frame.has_class("solid-csd");
    let RawWindowHandle::Xlib(handle) = window.window_handle().ok()?.as_raw() else {
        return None;
    };
    (!draws_frame)
        .then(|| u32::try_from(handle.window).ok())
        .flatten()
}

/// How much larger than usual the web view shows the page. On the main thread.
fn zoom(window: &WebviewWindow) -> f64 {
    let (tell, told) = std::sync::mpsc::channel();
    let asked = window.with_webview(move |webview| {
        // Nobody waits any more where this runs late.
        let _unheard = tell.send(webview.inner().zoom_level());
    });
    if let Err(error) = asked {
        tracing::debug!(%error, "the web view does not tell its zoom");
    }
    told.try_recv().unwrap_or(1.0)
}

/// The leave to come to the front that the launcher gave to this start.
pub(crate) fn activation_token() -> Option<String> {
    ["XDG_ACTIVATION_TOKEN", "DESKTOP_STARTUP_ID"]
        .into_iter()
        .filter_map(|name| env::var(name).ok())
        .find(|token| {
            let printable = token.bytes().all(|byte| byte.is_ascii_graphic());
            !token.is_empty() && token.len() <= LONGEST && printable
        })
}

/// Passes the leave on to the window.
pub(crate) fn permit_front(window: &WebviewWindow, token: Option<&str>) -> tauri::Result<()> {
    if let Some(token) = token {
        window.gtk_window()?.set_startup_id(token);
    }
    Ok(())
}
