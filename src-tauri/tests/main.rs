//! What binds the window to the page: its types are made from the Rust types.
//! `JASMIN_WRITE_BINDINGS=1 cargo test -p jasmin-desktop bindings` writes them; without the
//! variable the file must be as it would be written.

use std::{any::TypeId, collections::BTreeMap, env, fs, path::Path};

use jasmin_client::{
    Command, Failure, FrameRequest, View,
    paint::{Cover, PaneSize},
};
use ts_rs::{Config, TS, TypeVisitor};

const FILE: &str = "../ui/src/generated/bindings.ts";

const HEAD: &str = "// The words between the page and the window. Made from the Rust types by a \
                    test of `src-tauri`; not edited by hand.\n";

#[test]
fn bindings_are_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let wanted = bindings();
    if env::var_os("JASMIN_WRITE_BINDINGS").is_some() {
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(&file, &wanted).unwrap();
    }
    let found = fs::read_to_string(&file)
        .unwrap_or_default()
        .replace("\r\n", "\n");
    assert!(
        found == wanted,
        "ui/src/generated/bindings.ts is not what the Rust types say; write it anew with \
         `JASMIN_WRITE_BINDINGS=1 cargo test -p jasmin-desktop bindings`"
    );
}

fn bindings() -> String {
    // Numbers: no value here is beyond 2^53, and JSON has no other kind.
    let config = Config::new().with_large_int("number");
    let mut found = Declarations {
        config,
        seen: Vec::new(),
        by_name: BTreeMap::new(),
    };
    found.visit::<View>();
    found.visit::<Command>();
    found.visit::<Failure>();
    found.visit::<FrameRequest>();
    found.visit::<Cover>();
    found.visit::<PaneSize>();
    let declarations: Vec<String> = found.by_name.into_values().collect();
    format!("{HEAD}{}", declarations.concat())
}

/// By name, because the order in which types are found differs from build to build.
struct Declarations {
    config: Config,
    seen: Vec<TypeId>,
    by_name: BTreeMap<String, String>,
}

impl TypeVisitor for Declarations {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        if self.seen.contains(&TypeId::of::<T>()) {
            return;
        }
        self.seen.push(TypeId::of::<T>());
        // Only types with a file of their own are declared; the others are TypeScript's.
        if T::output_path().is_some() {
            let text = format!(
                "{}export {}",
                T::docs().unwrap_or_default(),
                T::decl(&self.config)
            );
            self.by_name.insert(T::ident(&self.config), tidy(&text));
        }
        T::visit_dependencies(self);
    }
}

/// Comments on one line, a line for each field and each variant, no space at the ends of lines.
fn tidy(declaration: &str) -> String {
    let text = declaration
        .replace("/**\n * ", "/** ")
        .replace("\n */", " */");
    let is_struct = text.contains("{ \n");
    let text = if is_struct {
        text.replace(", };", ",\n};")
    } else {
        text.replace(", }", " }")
            .replace("= {", "= | {")
            .replace(" | {", "\n  | {")
    };
    let mut tidy = String::from("\n");
    let mut is_inside = false;
    for line in text.lines() {
        is_inside &= line != "};";
        tidy.push_str(if is_inside { "  " } else { "" });
        tidy.push_str(line.trim_end());
        tidy.push('\n');
        is_inside |= is_struct && line.trim_end().ends_with('{');
    }
    tidy
}
