//! What the system must have before anything of ours builds or runs, and why.

/// What a verb is about to do; each level includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum For {
    /// Build all programs.
    Build,
    /// Run all tests.
    Test,
    /// Measure against other programs.
    Bench,
}

/// Something that a Debian or Ubuntu package brings.
#[derive(Debug)]
pub(crate) struct Need {
    /// The package.
    pub(crate) package: &'static str,
    /// From when on it is needed.
    pub(crate) from: For,
    /// What it is needed for.
    pub(crate) why: &'static str,
    /// Programs and files that show that it is there under another package's name, too: a name is
    /// looked up on `PATH`.
    pub(crate) shown_by: &'static [&'static str],
}

const fn need(package: &'static str, from: For, why: &'static str) -> Need {
    Need {
        package,
        from,
        why,
        shown_by: &[],
    }
}

const fn shown(
    package: &'static str,
    from: For,
    why: &'static str,
    shown_by: &'static [&'static str],
) -> Need {
    Need {
        package,
        from,
        why,
        shown_by,
    }
}

/// Everything, in the order of its first use.
pub(crate) const NEEDS: &[Need] = &[
    need(
        "build-essential",
        For::Build,
        "C compiler and linker for the codecs and for SQLite",
    ),
    shown(
        "pkg-config",
        For::Build,
        "finds the system's libraries",
        &["pkg-config"],
    ),
    shown(
        "cmake",
        For::Build,
        "builds the bundled Opus and JPEG libraries",
        &["cmake"],
    ),
    shown(
        "nasm",
        For::Build,
        "assembles the JPEG library's fast paths",
        &["nasm"],
    ),
    shown(
        "clang",
        For::Build,
        "reads the kernel's camera headers",
        &["clang"],
    ),
    need("libclang-dev", For::Build, "the same, as a library"),
    need("libvpx-dev", For::Build, "VP8 pictures"),
    need("libasound2-dev", For::Build, "sound through ALSA"),
    need(
        "libwebkit2gtk-4.1-dev",
        For::Build,
        "the window shows its page with it",
    ),
    shown(
        "xvfb",
        For::Test,
        "a screen for the windows under test",
        &["Xvfb"],
    ),
    shown(
        "webkit2gtk-driver",
        For::Test,
        "drives the windows under test",
        &["WebKitWebDriver"],
    ),
    shown(
        "pulseaudio",
        For::Test,
        "virtual microphones and speakers",
        &["pulseaudio"],
    ),
    shown(
        "pulseaudio-utils",
        For::Test,
        "plays and records on them",
        &["pactl"],
    ),
    shown(
        "dbus",
        For::Test,
        "a private session bus for each window",
        &["dbus-daemon"],
    ),
    shown(
        "gnome-keyring",
        For::Test,
        "a private keyring for each window",
        &["gnome-keyring-daemon"],
    ),
    shown(
        "openbox",
        For::Test,
        "a window manager that says which window has the focus",
        &["openbox"],
    ),
    shown("xdotool", For::Test, "asks it", &["xdotool"]),
    need(
        "asterisk-core-sounds-en-g722",
        For::Test,
        "recorded speech for the calls under test",
    ),
    shown("ffmpeg", For::Test, "turns it into WAV", &["ffmpeg"]),
    shown(
        "postgresql",
        For::Test,
        "the store's tests run on it, too",
        &["/usr/lib/postgresql"],
    ),
    shown(
        "chromium",
        For::Test,
        "the page's browser tests",
        &["chromium", "google-chrome"],
    ),
    shown(
        "chromium-driver",
        For::Bench,
        "leads the browser that a call is measured beside",
        &["chromedriver"],
    ),
    shown(
        "python3-venv",
        For::Bench,
        "the measure of speech (PESQ) is a Python package",
        &["python3"],
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_need_says_why() {
        for need in NEEDS {
            assert!(!need.why.is_empty(), "{} has no reason", need.package);
        }
    }

    #[test]
    fn measuring_needs_all_that_testing_needs() {
        assert!(For::Bench > For::Test && For::Test > For::Build);
    }
}
