//! All that the page may ask for.

use jasmin_client::{Command, Controller, Failure, FrameRequest, View};
use tauri::{AppHandle, State, ipc::Response};

use crate::{announce::Doorbell, quit};

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
