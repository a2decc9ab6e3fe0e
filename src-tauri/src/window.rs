//! The one window.

use tauri::{
    AppHandle, Manager, Url, WebviewWindow, WebviewWindowBuilder,
    webview::{NewWindowResponse, PageLoadEvent},
    window::Color,
};

use crate::{glass::Covering, place, platform, profile::Profile};

/// Its name in `tauri.conf.json` and in the capability.
pub(crate) const LABEL: &str = "main";

/// The canvas of `ui/` in light and dark, so that the window does not flash before the first paint.
const LIGHT: Color = Color(0xf3, 0xf6, 0xf2, 0xff);
const DARK: Color = Color(0x0d, 0x14, 0x12, 0xff);

/// Opens it where it was.
pub(crate) fn open(app: &AppHandle) -> tauri::Result<()> {
    let Some(config) = app
        .config()
        .app
        .windows
        .iter()
        .find(|window| window.label == LABEL)
    else {
        return Err(tauri::Error::WindowNotFound);
    };
    let profile = app.state::<Profile>();
    let builder = WebviewWindowBuilder::from_config(app, config)?
        .visible(false)
        .on_navigation(is_own_page)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_, _| false)
        .on_page_load(|window, load| {
            if load.event() == PageLoadEvent::Started {
                window.state::<Covering>().clear(&window);
            }
        });
    let window = platform::keep_apart(builder, &profile).build()?;
    platform::keep_from_devices(&window)?;

    let ground = if window.theme()? == tauri::Theme::Dark {
        DARK
    } else {
        LIGHT
    };
    window.set_background_color(Some(ground))?;
    place::restore(&window);
    window.show()
}

/// Brings it to the front. `token` is the desktop's leave to do so, where it has such a thing.
pub(crate) fn raise(app: &AppHandle, token: Option<String>) {
    let Some(window) = app.get_webview_window(LABEL) else {
        return;
    };
    let raised = app.run_on_main_thread(move || {
        if let Err(error) = front(&window, token.as_deref()) {
            tracing::warn!(%error, "the window cannot come to the front");
        }
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the window cannot be reached");
    }
}

fn front(window: &WebviewWindow, token: Option<&str>) -> tauri::Result<()> {
    window.unminimize()?;
    window.show()?;
    platform::permit_front(window, token)?;
    window.set_focus()
}

/// The page that is part of this program, under any of the names that web views give it.
fn is_own_page(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" | "https" => url.host_str() == Some("tauri.localhost"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_page_is_shown() {
        for own in [
            "tauri://localhost",
            "tauri://localhost/index.html#/call",
            "http://tauri.localhost/",
        ] {
            assert!(is_own_page(&own.parse().unwrap()), "{own}");
        }
        for foreign in [
            "https://example.org/",
            "http://localhost:8420/",
            "https://tauri.localhost.example.org/",
            "file:///etc/passwd",
            "data:text/html,x",
            "javascript:alert(1)",
            "tauri://elsewhere/",
        ] {
            assert!(!is_own_page(&foreign.parse().unwrap()), "{foreign}");
        }
    }
}
