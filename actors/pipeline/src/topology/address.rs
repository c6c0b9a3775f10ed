//! Where feeds, the store and the admin endpoint are: whether what was written can be an address at all. Nothing is opened.
use super::config::{Admin, StoreAddress};
use super::problem::Problems;
use super::reader::{Reader, Word};
use std::net::SocketAddr;
use std::path::Path;

/// The keys `type`, `path` and `url` of a sink.
pub(super) fn store(r: &mut Reader, base: &Path, p: &mut Problems) -> StoreAddress {
    let postgres = r.required_choice("type", &[("sqlite", false), ("postgres", true)], p);
    let (path_stands, url_stands) = (r.has("path"), r.has("url"));
    let (path, url) = (r.word("path", p), r.word("url", p));
    let wrong = match (postgres, path_stands, url_stands) {
        (Some(true), true, _) => Some("is a postgres store: it has a `url`, no `path`"),
        (Some(true), false, false) => Some("needs `url`, as in postgres://user@host/database"),
        (Some(false), _, true) => Some("is a sqlite store: it has a `path`, no `url`"),
        _ => None,
    };
    if let Some(wrong) = wrong {
        p.add(r.span.clone(), format!("`{}` {wrong}", r.path), None);
    } else {
        url.iter().for_each(|url| check_url(&r.path, url, p));
        path.iter().for_each(|path| check_database_file(&r.path, path, p));
    }
    match (postgres, url) {
        (Some(true), Some(url)) => StoreAddress::Postgres(url.text),
        _ => StoreAddress::Sqlite(base.join(path.map_or_else(|| "dietz.db".into(), |path| path.text))),
    }
}

/// The message holds nothing of the url, in which there may be a password.
fn check_url(node: &str, url: &Word, p: &mut Problems) {
    if let Err(why) = store::postgres::check_url(&url.text) {
        let help =
            format!("write {}, and in a password %40 %2F %3A %23 for @ / : #", store::postgres::EXAMPLE);
        p.add(url.span.clone(), format!("`{node}.url` is no url of a Postgres database: {why}"), Some(help));
    }
}

fn check_database_file(node: &str, path: &Word, p: &mut Problems) {
    let text = path.text.as_str();
    let why = if text.trim().is_empty() {
        "it is empty"
    } else if text.contains("://") {
        "it is a url; a Postgres store has type = \"postgres\" and `url`"
    } else if text.ends_with('/') {
        "it is a folder"
    } else if text.starts_with(':') {
        "what SQLite keeps in memory is lost at the end"
    } else if text.contains(char::is_control) {
        "it has a control character in it"
    } else {
        return;
    };
    let help = Some("name a file, as in dietz.db".into());
    p.add(path.span.clone(), format!("`{node}.path` is no database file: {why}"), help);
}

/// The paths of a file source, each by itself.
pub(super) fn check_feed_paths(node: &str, paths: &[Word], p: &mut Problems) {
    for path in paths {
        let why = match path.text.split_once("://") {
            Some((scheme, _)) => format!("{scheme}:// is no place files are read from"),
            None if path.text.trim().is_empty() => "it is empty".into(),
            None => continue,
        };
        let help = Some("name a file, a folder, a glob, or `-` for standard input".into());
        p.add(path.span.clone(), format!("`{node}.path`: {why}"), help);
    }
}

/// The table `[admin]`.
pub(super) fn admin(root: &mut Reader, p: &mut Problems) -> Admin {
    let Some(mut r) = root.table("admin", p) else { return Admin { listen: None } };
    let listen = r.word("listen", p).filter(|word| word.text != "off");
    r.finish(p);
    if let Some(word) = listen.as_ref().filter(|word| !is_host_and_port(&word.text)) {
        let help = "write host and port, as in 127.0.0.1:9464 or [::1]:9464, or \"off\"".into();
        p.add(word.span.clone(), format!("`admin.listen`: `{}` is no address", word.text), Some(help));
    }
    Admin { listen: listen.map(|word| word.text) }
}

/// An address, or a name and a port; whether the name leads anywhere is asked when it is bound.
fn is_host_and_port(text: &str) -> bool {
    if text.parse::<SocketAddr>().is_ok() {
        return true;
    }
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    // Digits and dots alone are a broken address.
    host.contains(|c: char| c.is_ascii_alphabetic())
        && host.chars().all(is_name)
        && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_listen_on_is_a_host_and_a_port() {
        for good in ["127.0.0.1:9464", "0.0.0.0:80", "[::1]:9464", "localhost:9464", "metrics-1.internal:1"] {
            assert!(is_host_and_port(good), "{good}");
        }
        for bad in
            ["9464", ":9464", "localhost", "127.0.0.300:1", "1.2.3:4", "a b:1", "host:70000", "::1:9464", ""]
        {
            assert!(!is_host_and_port(bad), "{bad}");
        }
    }
}
