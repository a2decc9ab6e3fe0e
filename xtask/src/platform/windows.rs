use std::process::{Child, Command};

use anyhow::{Result, bail};

use crate::{
    needs::{For, Need},
    shell,
};

const BUILD_TOOLS: Need = Need {
    package: "winget install Microsoft.VisualStudio.2022.BuildTools --override \"--add Microsoft.VisualStudio.Workload.VCTools\"",
    from: For::Build,
    why: "C compiler and linker",
    shown_by: &[],
};
const CMAKE: Need = Need {
    package: "winget install Kitware.CMake NASM.NASM LLVM.LLVM",
    from: For::Build,
    why: "build the bundled codecs",
    shown_by: &[],
};
const LIBVPX: Need = Need {
    package: "vcpkg install libvpx:x64-windows-static-md  (and set VPX_LIB_DIR, VPX_INCLUDE_DIR, VPX_VERSION, VPX_STATIC=1)",
    from: For::Build,
    why: "VP8 pictures",
    shown_by: &[],
};

/// The needs that this machine does not meet. On Windows a need's package is the line to type.
pub(crate) fn missing(_level: For) -> Vec<&'static Need> {
    let mut missing: Vec<&'static Need> = Vec::new();
    let has_compiler = ["ProgramFiles(x86)", "ProgramFiles"].iter().any(|folder| {
        std::env::var_os(folder).is_some_and(|folder| {
            std::path::Path::new(&folder)
                .join("Microsoft Visual Studio")
                .is_dir()
        })
    });
    if !has_compiler {
        missing.push(&BUILD_TOOLS);
    }
    if ["cmake.exe", "nasm.exe", "clang.exe"]
        .iter()
        .any(|name| shell::find(name).is_none())
    {
        missing.push(&CMAKE);
    }
    if std::env::var_os("VPX_LIB_DIR").is_none() {
        missing.push(&LIBVPX);
    }
    missing
}

/// Says what to type: nothing is installed on Windows without the person.
pub(crate) fn install(needs: &[&Need]) -> Result<()> {
    let lines: Vec<&str> = needs.iter().map(|need| need.package).collect();
    bail!(
        "type these first, then start again:\n  {}",
        lines.join("\n  ")
    )
}

/// The file name of a program.
pub(crate) fn executable(name: &str) -> String {
    format!("{name}.exe")
}

/// The npm program.
pub(crate) fn npm() -> &'static str {
    "npm.cmd"
}

/// Windows ends a tree by its head: see [`kill_tree`].
pub(crate) fn in_own_group(command: &mut Command) -> &mut Command {
    command
}

/// Asks a program and all that it started to end.
pub(crate) fn end_tree(child: &Child) {
    taskkill(child, &["/T"]);
}

/// Ends a program and all that it started, now.
pub(crate) fn kill_tree(child: &Child) {
    taskkill(child, &["/T", "/F"]);
}

fn taskkill(child: &Child, options: &[&str]) {
    let id = child.id().to_string();
    // A tree that is gone already is what was wanted.
    let _gone = Command::new("taskkill")
        .args(["/PID", &id])
        .args(options)
        .output();
}
