//! Where the database is, and the first knock at its door. No message holds the password.
use crate::StoreError;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{Connection, Error};
use std::io::ErrorKind;
use std::str::FromStr;
use std::time::Duration;

/// How long a first answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a url must look like, for people.
pub const EXAMPLE: &str = "postgres://user@host:5432/database";

/// Says what is wrong with the url of a database, without connecting.
///
/// # Errors
/// What is wrong, in words that hold nothing of the url: there may be a password in it.
pub fn check_url(url: &str) -> Result<(), String> {
    options(url).map(drop)
}

/// The url of a database, understood.
pub(super) fn options(url: &str) -> Result<PgConnectOptions, String> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err("it does not begin with postgres://".into());
    }
    PgConnectOptions::from_str(url).map_err(|e| match e {
        Error::Configuration(why) => why.to_string(),
        other => other.to_string(),
    })
}

/// Connects once, so that who cannot be reached is told at once and by name: a pool tries again until it only knows that time is up.
pub(super) async fn knock(options: &PgConnectOptions) -> Result<(), StoreError> {
    match tokio::time::timeout(PATIENCE, PgConnection::connect_with(options)).await {
        Ok(Ok(connection)) => Ok(connection.close().await?),
        Ok(Err(e)) => Err(unreached(&place(options), options, e)),
        Err(_) => Err(StoreError::Unreachable(format!(
            "{} did not answer within {} s; see that the address is right and nothing stands between",
            place(options),
            PATIENCE.as_secs()
        ))),
    }
}

/// Host and port, or the socket.
fn place(options: &PgConnectOptions) -> String {
    let (host, port) = (options.get_host(), options.get_port());
    let socket = options.get_socket().map(|folder| folder.display().to_string());
    match socket.or_else(|| host.starts_with('/').then(|| host.to_owned())) {
        Some(folder) => format!("Postgres at the socket {folder}/.s.PGSQL.{port}"),
        None => format!("Postgres at {host}:{port}"),
    }
}

fn unreached(place: &str, options: &PgConnectOptions, error: Error) -> StoreError {
    let user = options.get_username();
    let database = options.get_database().unwrap_or(user);
    let what_to_do = "start it, or correct host and port in the url of the store";
    match (&error, error.as_database_error().and_then(|e| e.code()).as_deref()) {
        (Error::Io(e), _) if e.kind() == ErrorKind::ConnectionRefused => {
            StoreError::Unreachable(format!("{place} refuses connections: {what_to_do}"))
        }
        (Error::Io(e), _) if e.kind() == ErrorKind::NotFound => {
            StoreError::Unreachable(format!("{place} is not there: {what_to_do}"))
        }
        (Error::Io(e), _) => {
            StoreError::Unreachable(format!("{place} cannot be reached ({e}): {what_to_do}"))
        }
        (Error::Tls(e), _) => StoreError::Unreachable(format!(
            "{place}: no encrypted connection ({e}); `?sslmode=` in the url of the store says what is asked for"
        )),
        (_, Some("3D000")) => StoreError::Refused(format!(
            "{place} has no database `{database}`: create it, or correct its name in the url of the store"
        )),
        (_, Some(code)) if code.starts_with("28") => StoreError::Refused(format!(
            "{place} does not let the user `{user}` in: correct user and password in the url of the store"
        )),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(url: &str) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(knock(&options(url).unwrap())).unwrap_err().to_string()
    }

    #[test]
    fn a_url_that_is_none_is_told_without_showing_it() {
        for url in
            ["nonsense", "mysql://u:secret@h/d", "postgres://u:secret@h:port/d", "postgres://u:se#cret@h/d"]
        {
            let wrong = check_url(url).unwrap_err();
            assert!(!wrong.contains("secret") && !wrong.contains("cret"), "{wrong}");
        }
        for url in [EXAMPLE, "postgresql://host", "postgres://u:p%23@localhost/d?host=/tmp/socket"] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
    }

    /// Port 1 is the multiplexer's: no machine has it open.
    #[test]
    fn who_refuses_is_told_by_host_and_port_without_the_password() {
        let told = told("postgres://u:secret@127.0.0.1:1/d");
        assert!(told.contains("127.0.0.1:1 refuses connections: start it"), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }

    #[test]
    fn a_socket_that_is_not_there_is_told_by_its_path() {
        let told = told("postgres://u:secret@localhost/d?host=/nowhere");
        assert!(told.contains("/nowhere/.s.PGSQL.5432 is not there: start it"), "{told}");
        assert!(!told.contains("secret"), "{told}");
    }
}
