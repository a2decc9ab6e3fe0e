//! `GET /v1/ws`: events from the mailbox, and what two devices in a call say to each other.

mod session;
#[cfg(test)]
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "whatever else comes fails the test"
)]
mod tests;

use axum::{
    extract::{State, WebSocketUpgrade, ws::rejection::WebSocketUpgradeRejection},
    response::Response,
};
use jasmin_protocol::SUBPROTOCOL;

use crate::{app::Shared, problem::Failure};

const BUFFER: usize = 4 * 1024;
const MOST_BUFFERED: usize = 256 * 1024;
const MESSAGE_BYTES: usize = 64 * 1024;

/// Opens the socket (subprotocol `jasmin.v1`). The token comes in its first message.
#[utoipa::path(get, path = "/v1/ws", operation_id = "open_socket", responses((status = 101), Failure))]
pub(crate) async fn upgrade(
    State(app): State<Shared>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Failure> {
    let Ok(upgrade) = upgrade else {
        return Err(Failure::malformed("This is a WebSocket (RFC 6455)."));
    };
    if app.draining.is_cancelled() {
        return Err(Failure::draining());
    }
    // The defaults would cost every idle connection a quarter of a megabyte.
    let upgrade = upgrade
        .protocols([SUBPROTOCOL])
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(MOST_BUFFERED)
        .max_message_size(MESSAGE_BYTES)
        .max_frame_size(MESSAGE_BYTES);
    if upgrade.selected_protocol().is_none() {
        return Err(Failure::malformed("Offer the subprotocol jasmin.v1."));
    }
    Ok(upgrade.on_upgrade(move |socket| {
        let tasks = app.tasks.clone();
        tasks.track_future(Box::pin(session::run(app, socket)))
    }))
}
