//! Makes the permissions of the window's commands, and a page that says what to do when the real
//! one was not built.

use std::{error::Error, fs, path::Path};

const PAGE: &str = "../ui/dist";

const PLACEHOLDER: &str = r#"<!doctype html>
<html lang="en">
  <meta charset="utf-8" />
  <title>Jasmin Chat</title>
  <h1 data-testid="page-missing">The page of Jasmin Chat was not built</h1>
  <p>This program was compiled without its page. Run <code>cargo xtask run</code>, or build the
  page with <code>npm ci &amp;&amp; npm run build</code> in <code>ui/</code> and compile again.</p>
</html>
"#;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={PAGE}");
    let page = Path::new(PAGE);
    if !page.join("index.html").exists() {
        fs::create_dir_all(page)?;
        fs::write(page.join("index.html"), PLACEHOLDER)?;
        println!("cargo:warning=ui/dist was missing: the window will say so instead of working");
    }

    let commands = &["view", "dispatch", "frames", "cover"];
    let manifest = tauri_build::AppManifest::new().commands(commands);
    tauri_build::try_build(tauri_build::Attributes::new().app_manifest(manifest))?;
    Ok(())
}
