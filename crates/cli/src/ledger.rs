//! Checks consent records that the app saved.

use std::fs;

use anyhow::Context;
use jasmin_consent::export::{Checked, check};

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
    tell(&summary(&checked))
}

fn summary(
    Checked {
        header,
        entries,
        waiting,
    }: &Checked,
) -> String {
    format!(
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
        header.identity_key.to_text(),
        header.ledger_key.to_text(),
    )
}
