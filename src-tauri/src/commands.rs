//! All that the page may ask for.

use jasmin_client::{Command, Controller, Failure, FrameRequest, View, paint::Cover};
use tauri::{AppHandle, State, WebviewWindow, ipc::Response};

use crate::{announce::Doorbell, glass::Covering, quit};

/// The present snapshot.
#[tauri::command(async)]
pub(crate) fn view(controller: State<'_, Controller>, doorbell: State<'_, Doorbell>) -> View {
    let view = View::clone(&controller.views().borrow());
    doorbell.fetched(view.revision);
    view
}

/// Hands a command on. What it changes shows in a later snapshot.
#[tauri::command]
pub(crate) async fn dispatch(
    app: AppHandle,
    controller: State<'_, Controller>,
    command: Command,
) -> Result<(), Failure> {
    if command == Command::Quit {
        quit::begin(&app);
        return Ok(());
    }
    controller.dispatch(command).await
}

/// Waits for pictures, at most a second. Raw bytes: a page that does not ask gets none.
#[tauri::command]
pub(crate) async fn frames(
    controller: State<'_, Controller>,
    request: FrameRequest,
) -> Result<Response, ()> {
    Ok(Response::new(controller.frames(request).await))
}

/// Says where pictures shall lie over the page. `false`: this window paints none, the page draws.
/// Not `async`: on the main thread.
#[tauri::command]
pub(crate) fn cover(
    window: WebviewWindow,
    controller: State<'_, Controller>,
    covering: State<'_, Covering>,
    cover: Cover,
) -> bool {
    covering.lay(&window, &controller, cover)
}
