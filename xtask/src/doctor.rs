//! What this machine lacks, and installing it.

use anyhow::{Result, bail};

use crate::{needs::For, platform, toolchain};

/// Says what is there and what is missing; installs the latter when asked.
pub(crate) fn doctor(with_install: bool) -> Result<()> {
    let mut fine = true;
    for finding in [toolchain::rust(), toolchain::node(), toolchain::npm()] {
        println!(
            "{} {}",
            if finding.fine { "ok     " } else { "MISSING" },
            finding.text
        );
        fine &= finding.fine;
    }
    let missing = platform::missing(For::Bench);
    if missing.is_empty() {
        println!("ok      all system packages for building, testing and measuring");
    }
    for need in &missing {
        println!("MISSING {:<30} {}", need.package, need.why);
    }
    if with_install {
        prepare(For::Bench)?;
        toolchain::require_nextest()?;
    } else if !missing.is_empty() {
        println!("\n`cargo xtask doctor --install` installs the packages.");
        fine = false;
    }
    if !fine {
        bail!("something is missing");
    }
    Ok(())
}

/// Makes sure that all system packages of a level are there: says what is missing and why, and
/// installs it.
pub(crate) fn prepare(level: For) -> Result<()> {
    toolchain::require()?;
    let missing = platform::missing(level);
    if missing.is_empty() {
        println!("nothing is missing");
        return Ok(());
    }
    println!("missing here, and installed now:");
    for need in &missing {
        println!("  {:<30} {}", need.package, need.why);
    }
    platform::install(&missing)?;
    let still: Vec<&str> = platform::missing(level)
        .iter()
        .map(|need| need.package)
        .collect();
    if !still.is_empty() {
        bail!("still missing after the installation: {}", still.join(" "));
    }
    Ok(())
}
