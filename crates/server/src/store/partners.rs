use jasmin_protocol::{Passing, PassingKind, PassingState, RecordId, ShareField, UserId};
use uuid::Uuid;

use super::{
    conn::{Conn, Row, StoreError, Tx, args},
    sql,
};
use crate::partners::Event;

/// What a partner has of a person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ShareRow {
    /// What was given, or may have arrived.
    pub(crate) given: Vec<ShareField>,
    /// What is on its way.
    pub(crate) passing: Option<Uuid>,
    /// Of the last message to this partner about this person.
    pub(crate) number: i64,
    /// How often what is on its way was tried.
    pub(crate) tries: i64,
    /// When it is looked at again; `None`: when something changes.
    pub(crate) due_ms: Option<i64>,
}

/// Something that passes the gate.
#[derive(Debug)]
pub(crate) struct NewPassing {
    pub(crate) id: Uuid,
    pub(crate) user: UserId,
    pub(crate) partner: String,
    pub(crate) number: i64,
    pub(crate) kind: PassingKind,
    pub(crate) fields: Vec<ShareField>,
    pub(crate) basis: Vec<RecordId>,
    pub(crate) at_ms: i64,
}

/// What can be shared of an account, still encrypted.
#[derive(Debug)]
pub(crate) struct Sharable {
    pub(crate) email_box: Vec<u8>,
    pub(crate) name_box: Vec<u8>,
    pub(crate) birthday_box: Vec<u8>,
}

impl Conn {
    /// Returns the book of partners, oldest event first.
    pub(crate) async fn partner_events(&mut self) -> Result<Vec<Event>, StoreError> {
        let rows = self.rows(sql::PARTNER_EVENTS, args![]).await?;
        rows.iter()
            .map(|row| {
                let unreadable = || StoreError::Unreadable("a partner".into());
                let event: Event =
                    serde_json::from_str(&row.get::<String>(0)?).map_err(|_| unreadable())?;
                // Nothing links to the last one, so each is held against the hash beside it.
                (event.hash() == row.hash(1)?)
                    .then_some(event)
                    .ok_or_else(unreadable)
            })
            .collect()
    }

    /// Returns whose sharing is to be looked at, at most so many for each partner.
    pub(crate) async fn shares_due(
        &mut self,
        now_ms: i64,
        most_each: i64,
    ) -> Result<Vec<(UserId, String)>, StoreError> {
        let rows = self.rows(sql::SHARES_DUE, args![now_ms, most_each]).await?;
        rows.iter()
            .map(|row| Ok((UserId(row.id(0)?), row.get(1)?)))
            .collect()
    }

    pub(crate) async fn share(
        &mut self,
        user: UserId,
        partner: &str,
    ) -> Result<Option<ShareRow>, StoreError> {
        let row = self.row(sql::SHARE, args![user, partner]).await?;
        row.map(|row| {
            Ok(ShareRow {
                given: fields(&row.get::<String>(0)?)?,
                passing: row.optional_id(1)?,
                number: row.get(2)?,
                tries: row.get(3)?,
                due_ms: row.get(4)?,
            })
        })
        .transpose()
    }

    pub(crate) async fn passing(
        &mut self,
        id: Uuid,
    ) -> Result<Option<(PassingKind, Vec<ShareField>, i64)>, StoreError> {
        let row = self.row(sql::PASSING, args![id]).await?;
        row.map(|row| Ok((kind(&row, 0)?, fields(&row.get::<String>(1)?)?, row.get(2)?)))
            .transpose()
    }

    /// Returns what passed about a person, newest first, at most so much for each partner.
    pub(crate) async fn passings(
        &mut self,
        user: UserId,
        most_each: i64,
    ) -> Result<Vec<Passing>, StoreError> {
        let unreadable = || StoreError::Unreadable("a moment".into());
        let moment = |ms| jasmin_consent::moment::write(ms).ok_or_else(unreadable);
        let rows = self.rows(sql::PASSINGS, args![user, most_each]).await?;
        rows.iter()
            .map(|row| {
                let answered: Option<i64> = row.get(6)?;
                Ok(Passing {
                    id: row.id(0)?.to_string(),
                    partner: row.get(1)?,
                    kind: kind(row, 2)?,
                    fields: fields(&row.get::<String>(3)?)?,
                    at: moment(row.get(4)?)?,
                    state: match answered {
                        None => PassingState::Waiting,
                        Some(_) => match row.get::<String>(5)?.as_str() {
                            DONE => PassingState::Done,
                            _ => PassingState::Cancelled,
                        },
                    },
                    answered_at: answered.map(moment).transpose()?,
                })
            })
            .collect()
    }

    pub(crate) async fn sharable(&mut self, user: UserId) -> Result<Option<Sharable>, StoreError> {
        let row = self.row(sql::SHARED_FIELDS, args![user]).await?;
        row.map(|row| {
            Ok(Sharable {
                email_box: row.get(0)?,
                name_box: row.get(1)?,
                birthday_box: row.get(2)?,
            })
        })
        .transpose()
    }
}

impl Tx {
    pub(crate) async fn put_partner_event(
        &mut self,
        event: &Event,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let json = serde_json::to_string(event)
            .map_err(|error| StoreError::Unreadable(error.to_string()))?;
        let sequence = i64::try_from(event.sequence).unwrap_or(i64::MAX);
        let args = args![sequence, event.hash(), json, now_ms];
        self.execute(sql::PARTNER_EVENT_INSERT, args).await?;
        Ok(())
    }

    /// Has a person's sharing with a partner looked at, before all that is due otherwise.
    pub(crate) async fn touch_share(
        &mut self,
        user: UserId,
        partner: &str,
    ) -> Result<(), StoreError> {
        self.execute(sql::SHARE_TOUCH, args![user, partner]).await?;
        Ok(())
    }

    /// Has it looked at later.
    pub(crate) async fn put_share_off(
        &mut self,
        user: UserId,
        partner: &str,
        until_ms: i64,
    ) -> Result<(), StoreError> {
        self.execute(sql::SHARE_PUT_OFF, args![user, partner, until_ms])
            .await?;
        Ok(())
    }

    /// Has all sharing looked at; what waits to be tried again or is being tried at this moment, after the
    /// lease of that.
    pub(crate) async fn touch_shares(
        &mut self,
        now_ms: i64,
        lease_ms: i64,
    ) -> Result<(), StoreError> {
        let after = now_ms.saturating_add(lease_ms);
        self.execute(sql::SHARES_TOUCH, args![now_ms, after])
            .await?;
        Ok(())
    }

    pub(crate) async fn put_share(
        &mut self,
        user: UserId,
        partner: &str,
        row: &ShareRow,
    ) -> Result<(), StoreError> {
        let args = args![
            user,
            partner,
            words(&row.given),
            row.passing,
            row.number,
            row.tries,
            row.due_ms
        ];
        self.execute(sql::SHARE_PUT, args).await?;
        Ok(())
    }

    pub(crate) async fn put_passing(&mut self, new: &NewPassing) -> Result<(), StoreError> {
        let kind = match new.kind {
            PassingKind::Given => GIVEN,
            PassingKind::Deletion => DELETION,
        };
        let basis: Vec<String> = new.basis.iter().map(ToString::to_string).collect();
        let args = args![
            new.id,
            new.user,
            new.partner.as_str(),
            new.number,
            kind,
            words(&new.fields),
            basis.join(","),
            new.at_ms
        ];
        self.execute(sql::PASSING_INSERT, args).await?;
        Ok(())
    }

    /// Writes down what became of a passing.
    pub(crate) async fn answer_passing(
        &mut self,
        id: Uuid,
        is_done: bool,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let state = if is_done { DONE } else { CANCELLED };
        self.execute(sql::PASSING_ANSWER, args![id, state, now_ms])
            .await?;
        Ok(())
    }
}

const GIVEN: &str = "given";
const DELETION: &str = "deletion";
const DONE: &str = "done";
const CANCELLED: &str = "cancelled";

fn kind(row: &Row, index: usize) -> Result<PassingKind, StoreError> {
    match row.get::<String>(index)?.as_str() {
        GIVEN => Ok(PassingKind::Given),
        DELETION => Ok(PassingKind::Deletion),
        _ => Err(StoreError::Unreadable("a kind of passing".into())),
    }
}

fn words(fields: &[ShareField]) -> String {
    let words: Vec<&str> = fields.iter().map(|field| field.word()).collect();
    words.join(",")
}

fn fields(words: &str) -> Result<Vec<ShareField>, StoreError> {
    words
        .split(',')
        .filter(|word| !word.is_empty())
        .map(|word| {
            ShareField::of(word).ok_or_else(|| StoreError::Unreadable("a shared field".into()))
        })
        .collect()
}
