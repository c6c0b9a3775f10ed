//! The product's own binary, beside what asks for it.
use std::path::{Path, PathBuf};

/// `dietz` as cargo has built it, with the profile of the program that asks: a binary of the same folder, or of the one above where it is a
/// test's.
///
/// # Errors
/// It was not built: what to do.
pub fn dietz() -> Result<PathBuf, String> {
    let here =
        std::env::current_exe().map_err(|e| format!("this program does not know where it lies: {e}"))?;
    // Tests lie in target/PROFILE/deps, examples in target/PROFILE/examples.
    let built =
        |folder: &Path| matches!(folder.file_name(), Some(name) if name == "deps" || name == "examples");
    let folder = here.parent().map(|f| if built(f) { f.parent().unwrap_or(f) } else { f });
    let binary = folder.unwrap_or(Path::new("")).join("dietz");
    match binary.is_file() {
        true => Ok(binary),
        false => Err(format!(
            "{} is missing: build it first, with `cargo build {}-p dietz`",
            binary.display(),
            PROFILE
        )),
    }
}

const PROFILE: &str = if cfg!(debug_assertions) { "" } else { "--release " };
