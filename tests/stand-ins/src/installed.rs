//! Stand-ins that come from package registries: installed once, into a folder that git ignores.
use crate::launch::LaunchError;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const REQUIREMENTS: &str = include_str!("../requirements.txt");
const PACKAGE: &str = include_str!("../package.json");

/// The folder of a program that pip installed, such as `aws` or `python`: the virtual environment of `requirements.txt`.
pub fn python_program(name: &str) -> Result<PathBuf, LaunchError> {
    Ok(once("python", REQUIREMENTS, install_python)?.join("bin").join(name))
}

/// `node_modules` with what `package.json` names.
pub fn node_modules() -> Result<PathBuf, LaunchError> {
    Ok(once("node", PACKAGE, install_node)?.join("node_modules"))
}

/// A script of this crate's folder `launchers`.
pub(crate) fn launcher(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("launchers").join(name)
}

/// The folder where `install` has done its work for exactly these pins. Whoever asks first installs, all others wait.
fn once(
    kind: &str,
    pins: &str,
    install: fn(&Path) -> Result<(), LaunchError>,
) -> Result<PathBuf, LaunchError> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join(".installed");
    let folder = all.join(format!("{kind}-{:08x}", crc32fast::hash(pins.as_bytes())));
    // Written last, so that what was cut off half-way is not taken for whole.
    let done = folder.join("installed");
    fs::create_dir_all(&all).map_err(LaunchError::io(format!("making {}", all.display())))?;
    let lock = File::create(all.join(format!("{kind}.lock")));
    let lock = lock.map_err(LaunchError::io("making a lock file"))?;
    lock.lock().map_err(LaunchError::io("waiting for another installation"))?;
    if !done.exists() {
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(LaunchError::io("removing half an installation"))?;
        }
        fs::create_dir_all(&folder).map_err(LaunchError::io(format!("making {}", folder.display())))?;
        install(&folder)?;
        fs::write(&done, pins).map_err(LaunchError::io("marking an installation as done"))?;
    }
    Ok(folder)
}

fn install_python(folder: &Path) -> Result<(), LaunchError> {
    let missing = LaunchError::Missing {
        program: "python3 with its module venv",
        remedy: "install python3 and python3-venv (tests/run does, on Debian and Ubuntu)",
    };
    if !succeeds(Command::new("python3").args(["-c", "import venv, ensurepip"])) {
        return Err(missing);
    }
    run("a Python environment", Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("requirements.txt");
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(requirements);
    run("tests/stand-ins/requirements.txt with pip", &mut pip)
}

fn install_node(folder: &Path) -> Result<(), LaunchError> {
    if !succeeds(Command::new("node").arg("--version")) || !succeeds(Command::new("npm").arg("--version")) {
        return Err(LaunchError::Missing {
            program: "node or npm",
            remedy: "install nodejs and npm (tests/run does, on Debian and Ubuntu)",
        });
    }
    fs::write(folder.join("package.json"), PACKAGE).map_err(LaunchError::io("writing package.json"))?;
    let mut npm = Command::new("npm");
    npm.current_dir(folder);
    npm.args([
        "install",
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel=error",
    ]);
    run("tests/stand-ins/package.json with npm", &mut npm)
}

fn succeeds(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).output().is_ok_and(|output| output.status.success())
}

fn run(what: &'static str, command: &mut Command) -> Result<(), LaunchError> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(LaunchError::io(format!("installing {what}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said[said.len().saturating_sub(4096)..]).into_owned();
    Err(LaunchError::Install { what, said })
}
