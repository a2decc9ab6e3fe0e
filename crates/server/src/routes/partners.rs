use axum::{Json, extract::State};
use jasmin_protocol::{Partners, Shares};

use crate::{
    app::{App, Shared},
    extract::{Caller, Throttled},
    partners::gate::Person,
    problem::Failure,
};

/// For each partner.
const MOST_PASSINGS: i64 = 1_000;

/// Every partner, and what each has signed: for anybody.
#[utoipa::path(get, path = "/v1/partners", operation_id = "partners",
    responses((status = 200, body = Partners), Failure))]
pub(crate) async fn list(
    _: Throttled,
    State(app): State<Shared>,
) -> Result<Json<Partners>, Failure> {
    Ok(Json(app.shown_partners().await?))
}

/// What went to partners about me, and whether I can share anything.
#[utoipa::path(get, path = "/v1/me/shares", operation_id = "shares", security(("token" = [])),
    responses((status = 200, body = Shares), Failure))]
pub(crate) async fn mine(
    caller: Caller,
    State(app): State<Shared>,
) -> Result<Json<Shares>, Failure> {
    let mut conn = app.store.read().await?;
    let birthday = app.birthday(&mut conn, caller.user).await?;
    let person = Person {
        user: caller.user,
        birthday,
        ledger: &[],
    };
    Ok(Json(Shares {
        may_share: person.may_share(app.now_ms()),
        passings: conn.passings(caller.user, MOST_PASSINGS).await?,
    }))
}

impl App {
    pub(crate) async fn shown_partners(&self) -> Result<Partners, Failure> {
        let book = self.partners().await?;
        let now_ms = self.now_ms();
        let mut partners: Vec<_> = book
            .partners
            .values()
            .map(|known| known.shown(now_ms))
            .collect();
        partners.sort_by(|a, b| a.name.cmp(&b.name).then(a.id.cmp(&b.id)));
        Ok(Partners { partners })
    }
}
