use axum::{Json, extract::State};
use jasmin_protocol::Meta;

use crate::{app::Shared, problem::Failure};

/// The oldest app that this server talks to.
const MIN_APP_VERSION: &str = "0.1.0";

/// What this server is, before anybody signs in.
#[utoipa::path(get, path = "/v1/meta", responses((status = 200, body = Meta), Failure))]
pub(crate) async fn meta(State(app): State<Shared>) -> Json<Meta> {
    Json(Meta {
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        min_app_version: MIN_APP_VERSION.to_owned(),
        server_ms: app.now_ms(),
        outbox_url: app.outbox_url.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn tells_the_servers_time() {
        let world = World::new().await;
        let meta: Meta = world.get("/v1/meta").await.ok();
        assert_eq!(meta.server_ms, world.app.now_ms());
        assert_eq!(meta.server_version, env!("CARGO_PKG_VERSION"));
    }
}
