//! Checks consent records that the app saved.

use std::fs;

use anyhow::Context;
use jasmin_consent::export::{Checked, check};
use jasmin_protocol::Base64;

use crate::{args::Verify, tell};

/// Says what a file holds, or which record in it does not hold.
pub(crate) fn verify(verify: &Verify) -> anyhow::Result<()> {
    let Verify {
        file,
        identity,
        ledger,
    } = verify;
    let bytes = fs::read(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let checked = check(&bytes, identity.as_ref(), ledger.as_ref())
        .with_context(|| format!("{} does not hold", file.display()))?;
    tell(&summary(&checked)?)
}

fn summary(
    Checked {
        header,
        entries,
        waiting,
    }: &Checked,
) -> anyhow::Result<String> {
    let text = |key: &Base64| -> anyhow::Result<String> {
        let json = serde_json::to_value(key)?;
        Ok(json.as_str().unwrap_or_default().to_owned())
    };
    Ok(format!(
        "good: {} records hold together ({} of them not told to the server)\n\
         saved         {}\n\
         server        {}\n\
         subject       {}\n\
         identity key  {}\n\
         ledger key    {}",
        entries.len() + waiting.len(),
        waiting.len(),
        header.exported_at,
        header.server,
        header.subject,
        text(&header.identity_key)?,
        text(&header.ledger_key)?,
    ))
}
