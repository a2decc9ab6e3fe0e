//! What a Linux program needs on the machine that it is installed on, read off the program itself:
//! the libraries' names carry their version, and so differ from system to system.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, ensure};

/// What the program loads while it runs, and so does not name: WebKit plays through it.
const PLUGINS_DEB: &str = "gstreamer1.0-plugins-good";
const PLUGINS_RPM: &str = "gstreamer1-plugins-good";

/// The packer's configuration, as JSON.
pub(super) fn config(program: &Path) -> Result<String> {
    let mut deb = debian(program)?;
    deb.push(PLUGINS_DEB.to_owned());
    let mut rpm = libraries(program)?;
    rpm.push(PLUGINS_RPM.to_owned());
    Ok(format!(
        r#"{{"bundle":{{"linux":{{"deb":{{"depends":[{}]}},"rpm":{{"depends":[{}]}}}}}}}}"#,
        quoted(&deb),
        quoted(&rpm)
    ))
}

/// Debian's packages with their oldest versions, as `dpkg-shlibdeps` finds them.
fn debian(program: &Path) -> Result<Vec<String>> {
    // It insists on a source package around it.
    let source = program.with_extension("source");
    fs::create_dir_all(source.join("debian"))?;
    fs::write(
        source.join("debian").join("control"),
        "Source: jasmin-chat\n\nPackage: jasmin-chat\nArchitecture: any\n",
    )?;
    let output = Command::new("dpkg-shlibdeps")
        .current_dir(&source)
        .arg("-O")
        .arg(program)
        .output()
        .context("dpkg-shlibdeps is missing (Debian: dpkg-dev)")?;
    fs::remove_dir_all(&source)?;
    ensure!(
        output.status.success(),
        "dpkg-shlibdeps: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout)?;
    let list = text
        .trim()
        .strip_prefix("shlibs:Depends=")
        .context("dpkg-shlibdeps says nothing")?;
    Ok(list.split(", ").map(str::to_owned).collect())
}

/// Names of libraries, as RPM writes them. The C library's own come with every system.
fn libraries(program: &Path) -> Result<Vec<String>> {
    let output = Command::new("objdump")
        .arg("-p")
        .arg(program)
        .output()
        .context("objdump is missing (Debian: binutils)")?;
    ensure!(
        output.status.success(),
        "objdump cannot read {}",
        program.display()
    );
    Ok(needed(&String::from_utf8_lossy(&output.stdout)))
}

fn needed(headers: &str) -> Vec<String> {
    let names = headers
        .lines()
        .filter_map(|line| line.trim().strip_prefix("NEEDED"));
    let names = names
        .map(str::trim)
        .filter(|name| !name.starts_with("ld-linux"));
    let mark = if cfg!(target_pointer_width = "64") {
        "()(64bit)"
    } else {
        ""
    };
    names.map(|name| format!("{name}{mark}")).collect()
}

fn quoted(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    words.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_needed_libraries() {
        let headers = "Dynamic Section:\n  NEEDED               libvpx.so.7\n  NEEDED   libc.so.6\n  \
                       NEEDED               ld-linux-x86-64.so.2\n  SONAME  x\n";
        let names = needed(headers);
        assert_eq!(names.len(), 2);
        assert!(names[0].starts_with("libvpx.so.7"));
        assert_eq!(quoted(&names[..1]), format!("\"{}\"", names[0]));
    }
}
