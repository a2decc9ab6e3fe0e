use std::{collections::BTreeSet, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use crate::{
    needs::{For, NEEDS, Need},
    shell,
};

/// The needs that this machine does not meet.
pub(crate) fn missing(level: For) -> Vec<&'static Need> {
    let installed = installed_packages();
    let is_there = |need: &Need| {
        installed.contains(need.package) || need.shown_by.iter().any(|sign| is_shown(sign))
    };
    NEEDS
        .iter()
        .filter(|need| need.from <= level && !is_there(need))
        .collect()
}

fn installed_packages() -> BTreeSet<String> {
    let names = NEEDS.iter().map(|need| need.package);
    let query: Vec<&str> = ["-W", "-f", "${Package} ${db:Status-Status}\n"]
        .into_iter()
        .chain(names)
        .collect();
    // dpkg-query fails when one of the packages is unknown, and still lists the others.
    let output = Command::new("dpkg-query").args(query).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    text.unwrap_or_default()
        .lines()
        .filter_map(|line| line.strip_suffix(" installed"))
        .map(str::to_owned)
        .collect()
}

fn is_shown(sign: &str) -> bool {
    if sign.starts_with('/') {
        Path::new(sign).exists()
    } else {
        shell::find(sign).is_some()
    }
}

/// Installs packages by apt-get, as root or through sudo.
pub(crate) fn install(needs: &[&Need]) -> Result<()> {
    let packages: Vec<&str> = needs.iter().map(|need| need.package).collect();
    if shell::find("apt-get").is_none() {
        bail!(
            "this is not Debian or Ubuntu: install what these packages bring there, with your \
             system's own package program: {}",
            packages.join(" ")
        );
    }
    apt(&["update", "-qq"])?;
    let mut words = vec!["install", "-y", "-qq", "--no-install-recommends"];
    words.extend(&packages);
    apt(&words).with_context(|| format!("could not install {}", packages.join(" ")))
}

fn apt(words: &[&str]) -> Result<()> {
    let mut command = if nix::unistd::Uid::effective().is_root() {
        let mut command = Command::new("env");
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        command
    } else {
        if shell::find("sudo").is_none() {
            bail!(
                "neither root nor sudo here; as root, run: apt-get {}",
                words.join(" ")
            );
        }
        let mut command = Command::new("sudo");
        command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        command
    };
    shell::run_with_input(command.args(words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_higher_level_lacks_at_least_as_much() {
        assert!(missing(For::Build).len() <= missing(For::Test).len());
    }

    #[test]
    fn a_sign_is_a_program_or_a_path() {
        assert!(is_shown("sh"));
        assert!(is_shown("/"));
        assert!(!is_shown("jasmin-no-such-program"));
        assert!(!is_shown("/jasmin/no/such/path"));
    }
}
