use jasmin_protocol::{DeviceId, LoginFinish, LoginStart, NewDevice};
use uuid::Uuid;

use super::{
    Account, AccountError, error::sign_in_error, form::checked_email, opaque::SigningIn,
    wrap::unwrap,
};
use crate::{
    api::Api,
    keys::DeviceKeys,
    people::same_address,
    platform,
    redact::{Personal, Secret},
    vault::{StoredAccount, Untold, Vault},
};

/// Signs in and keeps the account in the vault. Who signs in again with the same address is the
/// same device as before and keeps people, pins and log; another address starts anew.
///
/// The device's certificate is published, too, if the server can be reached that long: otherwise
/// [`Account::publish`] catches up.
///
/// # Errors
/// [`AccountError::WrongCredentials`], [`AccountError::WrongIdentity`]; as every request.
pub async fn sign_in(
    api: &Api,
    vault: &Vault,
    email: &Personal<String>,
    password: &Secret,
) -> Result<Account, AccountError> {
    let email = checked_email(email.reveal())?;
    let (device_id, keys) = vault.read(|data| match &data.account {
        Some(known) if same_address(known.email.reveal(), &email) => {
            (known.device_id, DeviceKeys::from_seeds(&known.device))
        }
        Some(_) | None => (DeviceId(Uuid::now_v7()), DeviceKeys::generate()),
    });
    let (signing_in, opaque) = SigningIn::start(password)?;
    let started = api
        .login_start(&LoginStart { email, opaque })
        .await
        .map_err(sign_in_error)?;
    let (opaque, export) = signing_in.finish(&started.opaque).await?;
    let device = NewDevice {
        device_id,
        name: platform::device_name(),
        platform: platform::NAME.to_owned(),
        signing_key: keys.signing_key(),
    };
    let session = api
        .login_finish(&LoginFinish {
            attempt: started.attempt,
            opaque,
            device,
        })
        .await
        .map_err(sign_in_error)?;
    if session.device_id != device_id {
        return Err(AccountError::BadAnswer);
    }
    let identity = unwrap(&session.identity, &export)?;

    vault
        .save(|data| {
            let known = data
                .account
                .take()
                .filter(|known| known.user_id == session.user_id);
            let seen_disclosures = known
                .as_ref()
                .map(|known| known.seen_disclosures.clone())
                .unwrap_or_default();
            let (pins, people, log, mut ledger, chores, mailbox_seq) = known
                .map(|known| {
                    (
                        known.pins,
                        known.people,
                        known.log,
                        known.ledger,
                        known.chores,
                        known.mailbox_seq,
                    )
                })
                .unwrap_or_default();
            let mine = |untold: &mut Untold| untold.user_id == session.user_id;
            for untold in data.untold.extract_if(.., mine) {
                ledger.put_back(untold.records);
            }
            data.server = Some(api.server().to_string());
            data.pending = None;
            data.account = Some(StoredAccount {
                user_id: session.user_id,
                device_id: session.device_id,
                session_id: session.session_id,
                name: session.name.into(),
                email: session.email.into(),
                tokens: session.tokens.into(),
                identity: identity.seed(),
                device: keys.seeds(),
                published: false,
                revoked: false,
                mailbox_seq,
                pins,
                people,
                log,
                ledger,
                chores,
                seen_disclosures,
            });
        })
        .await?;
    let account = Account::resume(api.clone(), vault.clone())
        .ok_or(AccountError::Internal("the account is not in the vault"))?;
    if let Err(error) = account.publish().await {
        tracing::warn!(%error, "the device cannot be called before its keys are published");
    }
    Ok(account)
}
