//! The mail of a server on this machine, read by program: `GET /dev/mailbox`.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use jasmin_protocol::{Outbox, OutboxMail};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};

/// How long a mail may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often to look.
const PACE: Duration = Duration::from_millis(200);

/// How long one look may take.
const LOOK: Duration = Duration::from_secs(5);

/// Longest answer.
const LONGEST: u64 = 4 << 20;

/// Waits for the newest code that was mailed to this address.
///
/// # Errors
/// When the mail says that the address has an account already, or none comes.
pub(crate) async fn code(url: &str, email: &str) -> anyhow::Result<String> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let outbox = timeout(LOOK, fetch(url))
            .await
            .context("the server does not answer")??;
        match newest(&outbox, email) {
            Some(OutboxMail {
                code: Some(code), ..
            }) => return Ok(code.clone()),
            Some(_) => bail!("the address has an account already, and its password is not here"),
            None => {}
        }
        ensure!(Instant::now() < deadline, "no mail came");
        sleep(PACE).await;
    }
}

fn newest<'a>(outbox: &'a Outbox, email: &str) -> Option<&'a OutboxMail> {
    outbox
        .mails
        .iter()
        .find(|mail| mail.to.eq_ignore_ascii_case(email))
}

/// Plain HTTP/1.0, as the server is on this machine and closes when it is done.
async fn fetch(url: &str) -> anyhow::Result<Outbox> {
    let (authority, path) = split(url)?;
    let mut stream = TcpStream::connect(authority)
        .await
        .context("no server is there")?;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {authority}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(LONGEST).read_to_end(&mut answer).await?;
    parse(&answer)
}

fn split(url: &str) -> anyhow::Result<(&str, &str)> {
    let rest = url
        .strip_prefix("http://")
        .context("mail can be read on this machine only")?;
    let at = rest
        .find('/')
        .context("the address of the mail has no path")?;
    Ok(rest.split_at(at))
}

fn parse(answer: &[u8]) -> anyhow::Result<Outbox> {
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .context("the server's answer has no end")?;
    let (head, body) = answer.split_at(end + 4);
    let head = String::from_utf8_lossy(head);
    let status = head.split_whitespace().nth(1).unwrap_or_default();
    ensure!(
        status == "200",
        "the server does not show its mail (status {status})"
    );
    serde_json::from_slice(body).context("the server's mail cannot be read")
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAILS: &str = r#"{"mails":[
        {"to":"Echo@jasmin.test","subject":"s","text":"t","code":"NEWCODE1","at_ms":3},
        {"to":"echo@jasmin.test","subject":"s","text":"t","code":"OLDCODE1","at_ms":2},
        {"to":"other@jasmin.test","subject":"s","text":"t","code":null,"at_ms":1}]}"#;

    #[test]
    fn takes_the_newest_code() {
        let answer = format!("HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n{MAILS}");
        let outbox = parse(answer.as_bytes()).unwrap();
        assert_eq!(
            newest(&outbox, "echo@jasmin.test").unwrap().code.as_deref(),
            Some("NEWCODE1")
        );
        assert_eq!(newest(&outbox, "other@jasmin.test").unwrap().code, None);
        assert!(newest(&outbox, "nobody@jasmin.test").is_none());
    }

    #[test]
    fn bad_answers_are_told() {
        for answer in [
            "",
            "HTTP/1.0 200 OK",
            "HTTP/1.0 404 Not Found\r\n\r\n{}",
            "HTTP/1.0 200 OK\r\n\r\n[]",
        ] {
            assert!(parse(answer.as_bytes()).is_err(), "{answer}");
        }
    }

    #[test]
    fn only_plain_addresses_are_read() {
        assert_eq!(
            split("http://127.0.0.1:8420/dev/mailbox").unwrap(),
            ("127.0.0.1:8420", "/dev/mailbox")
        );
        assert!(split("https://example.org/dev/mailbox").is_err());
        assert!(split("http://127.0.0.1:8420").is_err());
    }
}
