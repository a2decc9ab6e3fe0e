use jasmin_protocol::{DeviceId, SessionId, UserId};

use super::{
    conn::{Conn, Row, StoreError, Tx, args},
    sql,
};

/// A device as its owner named it at sign-in.
#[derive(Debug)]
pub(crate) struct DeviceRow {
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    pub(crate) name_box: Vec<u8>,
    pub(crate) platform: String,
    pub(crate) signing_key: [u8; 32],
}

/// A device's keys under the identity's signature.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) device: DeviceId,
    pub(crate) signing_key: Vec<u8>,
    pub(crate) sealing_key: Vec<u8>,
    pub(crate) created_ms: i64,
    pub(crate) signature: Vec<u8>,
}

/// A sign-in to be made.
#[derive(Debug)]
pub(crate) struct NewSession {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    pub(crate) refresh_hash: [u8; 32],
    pub(crate) expires_ms: i64,
}

/// A sign-in that is neither revoked nor over.
#[derive(Debug)]
pub(crate) struct SessionRow {
    pub(crate) id: SessionId,
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    pub(crate) refresh_hash: [u8; 32],
    pub(crate) previous_hash: Option<Vec<u8>>,
    pub(crate) successor_box: Option<Vec<u8>>,
    pub(crate) rotated_ms: i64,
}

/// A sign-in as its owner sees it: session, device, sealed device name, platform, since when.
pub(crate) type SessionLine = (SessionId, DeviceId, Vec<u8>, String, i64);

impl Conn {
    pub(crate) async fn session(
        &mut self,
        id: SessionId,
        now_ms: i64,
    ) -> Result<Option<SessionRow>, StoreError> {
        self.row(sql::SESSION, args![id, now_ms])
            .await?
            .map(|row| session(&row))
            .transpose()
    }

    pub(crate) async fn sessions(
        &mut self,
        user: UserId,
        now_ms: i64,
    ) -> Result<Vec<SessionLine>, StoreError> {
        let rows = self.rows(sql::SESSIONS, args![user, now_ms]).await?;
        rows.iter()
            .map(|row| {
                let (session, device) = (SessionId(row.id(0)?), DeviceId(row.id(1)?));
                Ok((session, device, row.get(2)?, row.get(3)?, row.get(4)?))
            })
            .collect()
    }

    pub(crate) async fn device_key(
        &mut self,
        user: UserId,
        device: DeviceId,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.row(sql::DEVICE_KEY, args![user, device])
            .await?
            .map(|row| row.get(0))
            .transpose()
    }

    /// Returns the devices on which somebody is signed in.
    pub(crate) async fn live_devices(
        &mut self,
        user: UserId,
        now_ms: i64,
    ) -> Result<Vec<DeviceId>, StoreError> {
        let rows = self.rows(sql::DEVICES_LIVE, args![user, now_ms]).await?;
        rows.iter().map(|row| Ok(DeviceId(row.id(0)?))).collect()
    }

    /// Returns the certificates of the devices that can be called.
    pub(crate) async fn certificates(
        &mut self,
        user: UserId,
        now_ms: i64,
    ) -> Result<Vec<Certificate>, StoreError> {
        let rows = self
            .rows(sql::DEVICES_CERTIFIED, args![user, now_ms])
            .await?;
        rows.iter()
            .map(|row| {
                Ok(Certificate {
                    device: DeviceId(row.id(0)?),
                    signing_key: row.get(1)?,
                    sealing_key: row.get(2)?,
                    created_ms: row.get(3)?,
                    signature: row.get(4)?,
                })
            })
            .collect()
    }
}

impl Tx {
    /// Makes a device or renames it. A new signing key takes its certificate away.
    pub(crate) async fn put_device(
        &mut self,
        row: DeviceRow,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let args = args![
            row.user,
            row.device,
            row.name_box,
            row.platform.as_str(),
            row.signing_key,
            now_ms,
        ];
        self.execute(sql::DEVICE_PUT, args).await?;
        Ok(())
    }

    /// Stores a certificate; false when the device has another signing key.
    pub(crate) async fn certify(
        &mut self,
        user: UserId,
        certificate: Certificate,
    ) -> Result<bool, StoreError> {
        let args = args![
            user,
            certificate.device,
            certificate.sealing_key,
            certificate.created_ms,
            certificate.signature,
            certificate.signing_key,
        ];
        Ok(self.execute(sql::DEVICE_CERTIFY, args).await? == 1)
    }

    /// Uses something up; false when it was used before.
    pub(crate) async fn spend(
        &mut self,
        hash: [u8; 32],
        until_ms: i64,
    ) -> Result<bool, StoreError> {
        Ok(self.execute(sql::SPEND, args![hash, until_ms]).await? == 1)
    }

    pub(crate) async fn put_session(
        &mut self,
        new: NewSession,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let args = args![
            new.id,
            new.user,
            new.device,
            new.refresh_hash,
            now_ms,
            new.expires_ms
        ];
        self.execute(sql::SESSION_INSERT, args).await?;
        Ok(())
    }

    /// Replaces a refresh token by its successor; false when somebody else just did.
    pub(crate) async fn rotate(
        &mut self,
        id: SessionId,
        from: [u8; 32],
        to: [u8; 32],
        successor_box: Vec<u8>,
        now_ms: i64,
        expires_ms: i64,
    ) -> Result<bool, StoreError> {
        let args = args![id, from, to, successor_box, now_ms, expires_ms];
        Ok(self.execute(sql::SESSION_ROTATE, args).await? == 1)
    }

    /// Ends a sign-in and empties its device's mailbox. Returns the device, or nothing when it was
    /// over or is somebody else's.
    pub(crate) async fn revoke(
        &mut self,
        id: SessionId,
        user: UserId,
        now_ms: i64,
    ) -> Result<Option<DeviceId>, StoreError> {
        let Some(row) = self
            .row(sql::SESSION_REVOKE, args![id, user, now_ms])
            .await?
        else {
            return Ok(None);
        };
        let device = DeviceId(row.id(0)?);
        self.execute(sql::MAILBOX_CLEAR, args![user, device])
            .await?;
        Ok(Some(device))
    }

    /// Ends every sign-in on a device and returns them; its mailbox stays for the next one.
    pub(crate) async fn revoke_on_device(
        &mut self,
        user: UserId,
        device: DeviceId,
        now_ms: i64,
    ) -> Result<Vec<SessionId>, StoreError> {
        let rows = self
            .rows(sql::SESSIONS_OF_DEVICE_REVOKE, args![user, device, now_ms])
            .await?;
        rows.iter().map(|row| Ok(SessionId(row.id(0)?))).collect()
    }

    /// Forgets sign-ins that were over before `before_ms`.
    pub(crate) async fn sweep_sessions(&mut self, before_ms: i64) -> Result<(), StoreError> {
        self.execute(sql::SESSION_SWEEP, args![before_ms]).await?;
        Ok(())
    }
}

fn session(row: &Row) -> Result<SessionRow, StoreError> {
    Ok(SessionRow {
        id: SessionId(row.id(0)?),
        user: UserId(row.id(1)?),
        device: DeviceId(row.id(2)?),
        refresh_hash: row.hash(3)?,
        previous_hash: row.get(4)?,
        successor_box: row.get(5)?,
        rotated_ms: row.get(6)?,
    })
}
