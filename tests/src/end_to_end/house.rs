//! Which crates may lean on which, and what has to be written down of them.
use super::dietz::checkout;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Everything a crate of the house builds with, by name; its tests' needs left out.
fn needs(name: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "-p", name, "-e", "normal,build", "--prefix", "none", "-f", "{p}"])
        .current_dir(checkout())
        .output()
        .expect("cargo tree");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = text.lines().filter_map(|l| l.split_whitespace().next()).map(str::to_owned);
    let names: Vec<String> = names.collect();
    assert!(names.contains(&name.to_owned()), "cargo tree knows {name}");
    names
}

#[test]
fn the_pure_crates_pull_in_no_runtime_database_or_cloud() {
    for pure in ["record", "returns", "codecs"] {
        for need in needs(pure) {
            let impure = ["tokio", "actix", "sqlx", "aws-", "rdkafka", "hyper", "mio"]
                .iter()
                .any(|p| need.starts_with(p));
            assert!(!impure, "{pure} pulls in {need}");
        }
    }
}

#[test]
fn the_house_leans_downward_only() {
    let may = |crate_name: &str| -> &[&str] {
        match crate_name {
            "record" => &[],
            "returns" => &["record"],
            "sources" => &["record"],
            "codecs" | "store" => &["record", "returns"],
            "pipeline" => &["record", "returns", "sources", "codecs", "store"],
            _ => &["record", "returns", "sources", "codecs", "store", "pipeline"],
        }
    };
    let house = ["record", "returns", "sources", "codecs", "store", "pipeline", "dietz", "load-tests"];
    for name in house {
        for need in needs(name) {
            let own = need == name || !house.contains(&need.as_str());
            assert!(own || may(name).contains(&need.as_str()), "{name} leans on {need}");
        }
    }
}

#[test]
fn the_old_tls_stack_is_nowhere() {
    let lock = std::fs::read_to_string(checkout().join("Cargo.lock")).expect("Cargo.lock");

    let versions: Vec<&str> =
        lock.split("[[package]]").filter(|p| p.contains("name = \"rustls\"\n")).collect();
    assert!(
        versions.iter().all(|v| !v.contains("version = \"0.21") && !v.contains("version = \"0.20")),
        "rustls before 0.23"
    );
    // The lock file lists what the feature `kafka-tls` would bring too; the product as it is built has one TLS stack.
    assert!(!needs("dietz").iter().any(|need| need == "openssl-sys"), "one TLS stack is enough");
}

/// The Rust files below a folder, tests aside.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|e| e.expect("an entry").path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let folders = folders.into_iter().filter(|f| !f.ends_with("tests")).flat_map(|f| sources(&f));
    folders.chain(files.into_iter().filter(|f| f.extension().is_some_and(|e| e == "rs"))).collect()
}

#[test]
fn every_metric_stands_in_the_list_for_people() {
    let list = std::fs::read_to_string(checkout().join("actors/README.md")).expect("actors/README.md");
    let mut metrics = BTreeSet::new();
    for file in sources(&checkout().join("actors")) {
        let text = std::fs::read_to_string(&file).expect("a file of text");
        metrics.extend(text.split('"').filter(|word| is_metric(word)).map(str::to_owned));
    }
    assert!(metrics.len() > 40, "{metrics:?}");
    let missing: Vec<_> = metrics.iter().filter(|metric| !list.contains(&format!("`{metric}`"))).collect();
    assert!(missing.is_empty(), "not in actors/README.md: {missing:?}");
}

fn is_metric(word: &str) -> bool {
    word.strip_prefix("dietz_")
        .is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'))
}
