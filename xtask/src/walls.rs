//! The directions of `docs/architecture.md`, read off the manifests: which room may use which, and
//! what a room must do without.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// A room, the rooms it may use, and crates that would give it what it must not have.
struct Room {
    folder: &'static str,
    may_use: &'static [&'static str],
    never: &'static [&'static str],
}

const ROOMS: &[Room] = &[
    Room {
        folder: "crates/protocol",
        may_use: &[],
        never: &["tokio", "reqwest", "axum", "sqlx"],
    },
    Room {
        folder: "crates/consent",
        may_use: &["jasmin-protocol"],
        never: &["tokio", "reqwest", "axum", "sqlx", "rand", "getrandom"],
    },
    Room {
        folder: "crates/call",
        may_use: &["jasmin-protocol"],
        never: &[
            "tokio",
            "socket2",
            "reqwest",
            "rand",
            "getrandom",
            "cpal",
            "nokhwa",
        ],
    },
    Room {
        folder: "crates/media",
        may_use: &[],
        never: &["tokio", "reqwest", "str0m", "tauri"],
    },
    Room {
        folder: "crates/client",
        may_use: &[
            "jasmin-protocol",
            "jasmin-call",
            "jasmin-media",
            "jasmin-consent",
        ],
        never: &["tauri", "axum", "sqlx"],
    },
    Room {
        folder: "crates/server",
        may_use: &["jasmin-protocol", "jasmin-consent"],
        never: &["tauri", "str0m", "cpal", "nokhwa"],
    },
    Room {
        folder: "crates/stats",
        may_use: &["jasmin-protocol", "jasmin-server"],
        never: &["tauri", "str0m", "reqwest", "sqlx"],
    },
    Room {
        folder: "crates/cli",
        may_use: &["jasmin-client", "jasmin-consent", "jasmin-protocol"],
        never: &["tauri", "str0m"],
    },
    Room {
        folder: "src-tauri",
        may_use: &["jasmin-client", "jasmin-protocol"],
        never: &["str0m", "cpal", "nokhwa", "sqlx", "axum"],
    },
];

/// Holds every manifest against the plan.
pub(crate) fn check() -> Result<()> {
    let mut broken = Vec::new();
    for room in ROOMS {
        let path = workspace::root().join(room.folder).join("Cargo.toml");
        broken.extend(faults(room, &read(&path)?));
    }
    if !broken.is_empty() {
        bail!("{}", broken.join("\n"));
    }
    println!("{} rooms use only what they may", ROOMS.len());
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn faults(room: &Room, manifest: &str) -> Vec<String> {
    let is_wrong = |name: &&str| {
        let is_other_room = name.starts_with("jasmin-") && !room.may_use.contains(name);
        is_other_room || room.never.contains(name)
    };
    let wrong = dependencies(manifest);
    wrong
        .iter()
        .map(String::as_str)
        .filter(is_wrong)
        .map(|name| {
            format!(
                "{} may not use {name}: see docs/architecture.md",
                room.folder
            )
        })
        .collect()
}

/// The names under `[dependencies]` and `[target.….dependencies]`. Tests and build scripts may use
/// more.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            is_inside = section == "dependencies" || section.ends_with(".dependencies");
            // `[dependencies.name]` is a section of its own.
            names.extend(section.strip_prefix("dependencies.").map(str::to_owned));
        } else if is_inside && !line.starts_with('#') {
            let name = line.split(['=', '.', ' ']).next().unwrap_or_default();
            if !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || "-_".contains(c))
            {
                names.push(name.to_owned());
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    const CALL: Room = Room {
        folder: "crates/call",
        may_use: &["jasmin-protocol"],
        never: &["tokio"],
    };

    #[test]
    fn a_manifest_within_its_walls_has_no_fault() {
        let manifest = "[package]\nname = \"jasmin-call\"\n\n[dependencies]\n\
                        jasmin-protocol.workspace = true\n\n[dev-dependencies]\ntokio = \"1\"\n";
        assert_eq!(faults(&CALL, manifest), Vec::<String>::new());
    }

    #[test]
    fn another_room_and_a_forbidden_crate_are_faults() {
        let manifest = "[target.'cfg(unix)'.dependencies]\ntokio = { version = \"1\" }\n\
                        [dependencies]\njasmin-media.workspace = true\n";
        assert_eq!(faults(&CALL, manifest).len(), 2);
    }

    #[test]
    fn the_house_stands_as_planned() {
        check().unwrap();
    }
}
