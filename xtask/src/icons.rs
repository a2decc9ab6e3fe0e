//! `cargo xtask icons`: every size of the icon, from the one drawing. Their results are kept with
//! the sources, so that only who changes the drawing needs the programs that this calls:
//! rsvg-convert (librsvg2-bin) and ImageMagick.

use std::{
    fs,
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};

use crate::workspace;

/// Sizes that are files of their own.
const SIZES: [u32; 9] = [16, 24, 32, 48, 64, 128, 256, 512, 1024];

/// Up to this size the clear zone around the ground is cut: there are no pixels to give away.
const TIGHT: u32 = 32;

/// Sizes in the Windows icon.
const ICO: [u32; 6] = [16, 24, 32, 48, 64, 256];

/// Kinds of picture in the macOS icon: type and pixels. The doubled ones are for Retina screens.
const ICNS: [(&[u8; 4], u32); 8] = [
    (b"ic11", 32),
    (b"ic12", 64),
    (b"ic07", 128),
    (b"ic13", 256),
    (b"ic08", 256),
    (b"ic14", 512),
    (b"ic09", 512),
    (b"ic10", 1024),
];

const FULL_BOX: &str = "viewBox=\"0 0 1024 1024\"";
const TIGHT_BOX: &str = "viewBox=\"48 48 928 928\"";

/// macOS wants a ground of 824 where the drawing has 928 of 1024.
const MAC_SCALE: &str = "<g transform=\"translate(512 512) scale(.888) translate(-512 -512)\">";

/// Draws them all anew into `icons/`.
pub(crate) fn icons() -> Result<()> {
    let folder = workspace::root().join("icons");
    let drawing = fs::read_to_string(folder.join("icon.svg")).context("icons/icon.svg")?;
    ensure!(
        drawing.contains(FULL_BOX),
        "icons/icon.svg must be drawn on a {FULL_BOX}"
    );

    for size in SIZES {
        fs::write(
            folder.join(png_name(size)),
            draw(&for_size(&drawing, size), size)?,
        )?;
    }
    write_ico(&folder)?;
    fs::write(folder.join("icon.icns"), icns(&for_mac(&drawing)?)?)?;
    println!("icons/ is drawn anew from icons/icon.svg");
    Ok(())
}

fn png_name(size: u32) -> String {
    format!("{size}x{size}.png")
}

fn for_size(drawing: &str, size: u32) -> String {
    if size <= TIGHT {
        drawing.replacen(FULL_BOX, TIGHT_BOX, 1)
    } else {
        drawing.to_owned()
    }
}

fn for_mac(drawing: &str) -> Result<String> {
    let head = drawing.find('>').context("icons/icon.svg has no element")? + 1;
    let tail = drawing
        .rfind("</svg>")
        .context("icons/icon.svg has no end")?;
    let (head, rest) = drawing.split_at(head);
    let (body, tail) = rest.split_at(tail - head.len());
    Ok(format!("{head}{MAC_SCALE}{body}</g>{tail}"))
}

fn draw(drawing: &str, size: u32) -> Result<Vec<u8>> {
    let side = size.to_string();
    let mut rsvg = Command::new("rsvg-convert")
        .args(["--width", &side, "--height", &side, "--format", "png"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("rsvg-convert is missing (Debian: librsvg2-bin)")?;
    if let Some(mut input) = rsvg.stdin.take() {
        input.write_all(drawing.as_bytes())?;
    }
    let output = rsvg.wait_with_output()?;
    ensure!(
        output.status.success(),
        "rsvg-convert could not draw icons/icon.svg"
    );
    Ok(output.stdout)
}

fn write_ico(folder: &Path) -> Result<()> {
    let mut convert = Command::new("convert");
    convert
        .current_dir(folder)
        .args(ICO.map(png_name))
        .arg("icon.ico");
    let status = convert
        .status()
        .context("convert is missing (Debian: imagemagick)")?;
    ensure!(
        status.success(),
        "ImageMagick could not make icons/icon.ico"
    );
    Ok(())
}

/// Magic, length of all, and for each picture: type, length with these eight bytes, PNG.
fn icns(drawing: &str) -> Result<Vec<u8>> {
    let mut pictures = Vec::new();
    for (kind, size) in ICNS {
        let png = draw(drawing, size)?;
        pictures.extend_from_slice(kind);
        pictures.extend_from_slice(&u32::try_from(png.len() + 8)?.to_be_bytes());
        pictures.extend_from_slice(&png);
    }
    let mut file = b"icns".to_vec();
    file.extend_from_slice(&u32::try_from(pictures.len() + 8)?.to_be_bytes());
    file.extend_from_slice(&pictures);
    Ok(file)
}
