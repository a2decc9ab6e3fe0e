use anyhow::{Result, bail};

use crate::{
    needs::{For, Need},
    shell,
};

const XCODE: Need = Need {
    package: "xcode-select --install",
    from: For::Build,
    why: "C compiler and linker",
    shown_by: &[],
};
const LIBVPX: Need = Need {
    package: "brew install libvpx",
    from: For::Build,
    why: "VP8 pictures",
    shown_by: &[],
};
const CMAKE: Need = Need {
    package: "brew install cmake nasm pkg-config",
    from: For::Build,
    why: "build the bundled codecs",
    shown_by: &[],
};

/// The needs that this machine does not meet. On macOS a need's package is the line to type.
pub(crate) fn missing(_level: For) -> Vec<&'static Need> {
    let mut missing: Vec<&'static Need> = Vec::new();
    if shell::answer("xcode-select", &["-p"]).is_none() {
        missing.push(&XCODE);
    }
    if ["cmake", "nasm", "pkg-config"]
        .iter()
        .any(|program| shell::find(program).is_none())
    {
        missing.push(&CMAKE);
    }
    if shell::answer("pkg-config", &["--exists", "vpx"]).is_none() {
        missing.push(&LIBVPX);
    }
    missing
}

/// Says what to type: nothing is installed on macOS without the person.
pub(crate) fn install(needs: &[&Need]) -> Result<()> {
    let lines: Vec<&str> = needs.iter().map(|need| need.package).collect();
    bail!(
        "type these first, then start again:\n  {}",
        lines.join("\n  ")
    )
}
