use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};

use crate::{app::Shared, extract::Local, problem::Failure};

/// The process is alive.
#[utoipa::path(get, path = "/healthz", responses((status = 200, body = String, content_type = "text/plain"), Failure))]
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The server can take requests: it is not stopping, and its store can be written to.
#[utoipa::path(get, path = "/readyz", responses((status = 200, body = String, content_type = "text/plain"), Failure))]
pub(crate) async fn readyz(State(app): State<Shared>) -> Result<&'static str, Failure> {
    if app.draining.is_cancelled() {
        return Err(Failure::draining());
    }
    app.store.ping().await?;
    Ok("ready\n")
}

/// Counters in the Prometheus text format; for this machine only.
#[utoipa::path(get, path = "/metrics", responses((status = 200, body = String, content_type = "text/plain"), Failure))]
pub(crate) async fn metrics(_: Local, State(app): State<Shared>) -> Response {
    let content_type = [(
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    )];
    (content_type, app.metrics.text()).into_response()
}

#[cfg(test)]
mod tests {
    use jasmin_protocol::ErrorCode;

    use crate::testing::World;

    #[tokio::test]
    async fn is_alive_and_ready() {
        let world = World::new().await;
        assert_eq!(world.get("/healthz").await.text(), "ok\n");
        assert_eq!(world.get("/readyz").await.text(), "ready\n");
    }

    #[tokio::test]
    async fn is_not_ready_while_it_stops() {
        let world = World::new().await;
        world.app.draining.cancel();
        assert_eq!(world.get("/readyz").await.problem(), ErrorCode::Draining);
        assert_eq!(world.get("/healthz").await.text(), "ok\n");
    }

    #[tokio::test]
    async fn is_not_ready_without_its_store() {
        let world = World::new().await;
        world.app.store.close().await;
        let answer = world.get("/readyz").await;
        assert!(answer.headers().contains_key("retry-after"));
        assert_eq!(answer.problem(), ErrorCode::DbUnavailable);
    }

    #[tokio::test]
    async fn metrics_are_for_this_machine_only() {
        let world = World::new().await;
        assert!(
            world
                .get("/metrics")
                .await
                .text()
                .contains("jasmin_sockets 0")
        );
        for header in [("x-forwarded-for", "127.0.0.1"), ("host", "evil.example")] {
            let answer = world
                .request("GET", "/metrics")
                .header(header.0, header.1)
                .send()
                .await;
            assert_eq!(answer.problem(), ErrorCode::NotFound, "{header:?}");
        }
        let answer = world
            .request("GET", "/metrics")
            .from("192.0.2.7:1")
            .send()
            .await;
        assert_eq!(answer.problem(), ErrorCode::NotFound);
    }
}
