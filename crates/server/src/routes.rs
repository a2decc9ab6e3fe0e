//! One file per endpoint or family of endpoints.

pub(crate) mod answer;
pub(crate) mod calls;
pub(crate) mod consents;
pub(crate) mod contacts;
pub(crate) mod devices;
pub(crate) mod disclosures;
pub(crate) mod health;
pub(crate) mod legal;
pub(crate) mod login;
pub(crate) mod mailbox;
pub(crate) mod me;
pub(crate) mod meta;
#[cfg(test)]
mod nonsense;
pub(crate) mod partners;
pub(crate) mod place;
pub(crate) mod policies;
pub(crate) mod refresh;
pub(crate) mod register;
pub(crate) mod sessions;
pub(crate) mod statistics;
pub(crate) mod transparency;
pub(crate) mod users;
pub(crate) mod verify;

use utoipa_axum::{router::OpenApiRouter, routes};

use crate::app::Shared;

/// Every endpoint that the OpenAPI document describes.
pub(crate) fn described() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(meta::meta))
        .routes(routes!(register::start))
        .routes(routes!(register::finish))
        .routes(routes!(verify::verify))
        .routes(routes!(verify::resend))
        .routes(routes!(login::start))
        .routes(routes!(login::finish))
        .routes(routes!(refresh::refresh))
        .routes(routes!(sessions::logout))
        .routes(routes!(sessions::list))
        .routes(routes!(sessions::end))
        .routes(routes!(me::me))
        .routes(routes!(devices::publish))
        .routes(routes!(users::keys))
        .routes(routes!(contacts::list, contacts::request))
        .routes(routes!(contacts::accept))
        .routes(routes!(contacts::remove))
        .routes(routes!(consents::list, consents::tell))
        .routes(routes!(transparency::transparency))
        .routes(routes!(transparency::proof))
        .routes(routes!(policies::sets))
        .routes(routes!(disclosures::mine))
        .routes(routes!(policies::texts))
        .routes(routes!(partners::list))
        .routes(routes!(partners::mine))
        .routes(routes!(statistics::list))
        .routes(routes!(calls::list, place::place))
        .routes(routes!(answer::answer))
        .routes(routes!(calls::decline))
        .routes(routes!(calls::cancel))
        .routes(routes!(calls::hang_up))
        .routes(routes!(crate::socket::upgrade))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(health::metrics))
        .routes(routes!(mailbox::mailbox))
}
