use jasmin_protocol::UserId;
use uuid::Uuid;

use super::{
    conn::{Conn, StoreError, Tx, args},
    sql,
};

/// An account's own data, still encrypted.
#[derive(Debug)]
pub(crate) struct AccountRow {
    pub(crate) email_box: Vec<u8>,
    pub(crate) name_box: Vec<u8>,
    pub(crate) identity_key: Vec<u8>,
    pub(crate) wrapped_seed: Vec<u8>,
}

/// An account to be made.
#[derive(Debug)]
pub(crate) struct NewAccount {
    pub(crate) id: UserId,
    pub(crate) email_tag: [u8; 32],
    pub(crate) email_box: Vec<u8>,
    pub(crate) name_box: Vec<u8>,
    pub(crate) birthday_box: Vec<u8>,
    pub(crate) password_record: Vec<u8>,
    pub(crate) identity_key: Vec<u8>,
    pub(crate) wrapped_seed: Vec<u8>,
    /// The policies that were accepted; empty where there were none.
    pub(crate) policy_version: String,
}

/// A sign-up that waits for its code.
#[derive(Debug)]
pub(crate) struct SignUpRow {
    /// Set once confirmed.
    pub(crate) user: Option<UserId>,
    pub(crate) email_tag: [u8; 32],
    pub(crate) person_box: Vec<u8>,
    pub(crate) password_record: Vec<u8>,
    pub(crate) identity_key: Vec<u8>,
    pub(crate) wrapped_seed: Vec<u8>,
    pub(crate) code_tag: [u8; 32],
    pub(crate) code_expires_ms: i64,
    /// How often a code was tried, this time included.
    pub(crate) tries: i64,
    /// The policies that were accepted; empty where there were none.
    pub(crate) policy_version: String,
}

impl Conn {
    /// Returns each secret's name and sealed value.
    pub(crate) async fn secrets(&mut self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let rows = self.rows(sql::SECRETS, args![]).await?;
        rows.iter()
            .map(|row| Ok((row.get(0)?, row.get(1)?)))
            .collect()
    }

    /// Returns the account with this address and its password record.
    pub(crate) async fn account_by_tag(
        &mut self,
        email_tag: &[u8; 32],
    ) -> Result<Option<(UserId, Vec<u8>)>, StoreError> {
        let row = self.row(sql::ACCOUNT_BY_TAG, args![email_tag]).await?;
        row.map(|row| Ok((UserId(row.id(0)?), row.get(1)?)))
            .transpose()
    }

    pub(crate) async fn account(&mut self, user: UserId) -> Result<Option<AccountRow>, StoreError> {
        let row = self.row(sql::ACCOUNT, args![user]).await?;
        row.map(|row| {
            Ok(AccountRow {
                email_box: row.get(0)?,
                name_box: row.get(1)?,
                identity_key: row.get(2)?,
                wrapped_seed: row.get(3)?,
            })
        })
        .transpose()
    }

    /// Returns the sealed person of a sign-up that still waits.
    pub(crate) async fn sign_up_person(
        &mut self,
        attempt: Uuid,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.row(sql::SIGN_UP_BOX, args![attempt]).await?;
        row.map(|row| row.get(0)).transpose()
    }
}

impl Tx {
    pub(crate) async fn put_secret(
        &mut self,
        name: &str,
        sealed: Vec<u8>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.execute(sql::SECRET_INSERT, args![name, sealed, now_ms])
            .await?;
        Ok(())
    }

    /// Returns false when the attempt is known already.
    pub(crate) async fn put_sign_up(
        &mut self,
        attempt: Uuid,
        row: SignUpRow,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let args = args![
            attempt,
            row.email_tag,
            row.person_box,
            row.password_record,
            row.identity_key,
            row.wrapped_seed,
            row.code_tag,
            row.code_expires_ms,
            now_ms,
            row.policy_version,
        ];
        Ok(self.execute(sql::SIGN_UP_INSERT, args).await? == 1)
    }

    /// Counts one try of a code and returns the sign-up.
    pub(crate) async fn try_sign_up(
        &mut self,
        attempt: Uuid,
    ) -> Result<Option<SignUpRow>, StoreError> {
        let row = self.row(sql::SIGN_UP_TRY, args![attempt]).await?;
        row.map(|row| {
            Ok(SignUpRow {
                user: row.optional_id(0)?.map(UserId),
                email_tag: row.hash(1)?,
                person_box: row.get(2)?,
                password_record: row.get(3)?,
                identity_key: row.get(4)?,
                wrapped_seed: row.get(5)?,
                code_tag: row.hash(6)?,
                code_expires_ms: row.get(7)?,
                tries: row.get(8)?,
                policy_version: row.get(9)?,
            })
        })
        .transpose()
    }

    /// Gives a waiting sign-up a new code, unless it was mailed after `not_since_ms` or `most` times.
    /// Returns how many mails that makes.
    pub(crate) async fn renew_code(
        &mut self,
        attempt: Uuid,
        code_tag: [u8; 32],
        expires_ms: i64,
        now_ms: i64,
        not_since_ms: i64,
        most: i64,
    ) -> Result<Option<i64>, StoreError> {
        let args = args![attempt, code_tag, expires_ms, now_ms, not_since_ms, most];
        self.row(sql::SIGN_UP_RESEND, args)
            .await?
            .map(|row| row.get(0))
            .transpose()
    }

    /// Turns a sign-up into an account; false when the address has one by now. Every other sign-up
    /// with the address is forgotten, and of this one only that it succeeded is kept.
    pub(crate) async fn confirm_sign_up(
        &mut self,
        attempt: Uuid,
        account: NewAccount,
        now_ms: i64,
    ) -> Result<bool, StoreError> {
        let args = args![
            account.id,
            account.email_tag,
            account.email_box,
            account.name_box,
            account.birthday_box,
            account.password_record,
            account.identity_key,
            account.wrapped_seed,
            account.policy_version,
            now_ms,
        ];
        let is_new = self.execute(sql::ACCOUNT_INSERT, args).await? == 1;
        if is_new {
            let nothing: &[u8] = &[];
            self.execute(sql::SIGN_UP_CONFIRM, args![attempt, account.id, nothing])
                .await?;
        }
        self.execute(
            sql::SIGN_UP_FORGET_OTHERS,
            args![account.email_tag, attempt],
        )
        .await?;
        Ok(is_new)
    }

    /// Forgets sign-ups from before `before_ms` and used sign-in attempts that are over.
    pub(crate) async fn sweep_sign_ups(
        &mut self,
        before_ms: i64,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        self.execute(sql::SIGN_UP_SWEEP, args![before_ms]).await?;
        self.execute(sql::SPENT_SWEEP, args![now_ms]).await?;
        Ok(())
    }
}
