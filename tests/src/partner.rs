//! A partner's own server: takes what it is sent over plain HTTP on loopback, and keeps it to be looked at.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use jasmin_protocol::ShareMessage;

/// Longer than any message.
const LONGEST: usize = 64 * 1024;

/// See the module. Its thread ends with the program.
#[derive(Debug)]
pub struct SamplePartner {
    url: String,
    came: Receiver<(String, ShareMessage)>,
}

impl SamplePartner {
    /// Listens on a free port of loopback.
    ///
    /// # Errors
    /// When there is none.
    pub fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port for a partner")?;
        let url = format!("http://{}", listener.local_addr()?);
        let (sender, came) = mpsc::channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // What is no message gets no answer, and the server tries again.
                let _taken = take(stream, &sender);
            }
        });
        Ok(Self { url, came })
    }

    /// Its record, as an operator writes it down.
    pub fn record(&self, id: &str, name: &str) -> serde_json::Value {
        serde_json::json!({
            "id": id, "name": name, "legal_entity": format!("{name} GmbH"), "country": "Austria",
            "purpose": "showing your calls in a calendar", "retention": "Until you take it back",
            "fields": ["name", "email"],
            "give_url": format!("{}/give", self.url), "delete_url": format!("{}/delete", self.url),
        })
    }

    /// The next message, and to which address it came.
    ///
    /// # Errors
    /// When none comes in time.
    pub fn next(&self, within: Duration) -> Result<(String, ShareMessage)> {
        self.came
            .recv_timeout(within)
            .context("the partner received nothing")
    }

    /// Nothing has come that was not looked at.
    ///
    /// # Errors
    /// When something has.
    pub fn has_nothing_more(&self) -> Result<()> {
        let more = self.came.try_recv();
        ensure!(more.is_err(), "also came: {more:?}");
        Ok(())
    }
}

fn take(stream: TcpStream, came: &Sender<(String, ShareMessage)>) -> Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line
        .split_whitespace()
        .nth(1)
        .context("no path")?
        .to_owned();
    let (mut length, mut signed) = (0, false);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse::<usize>()?;
        }
        signed |= name.eq_ignore_ascii_case("jasmin-signature");
    }
    ensure!(signed && length <= LONGEST, "not from a Jasmin server");
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let message = serde_json::from_slice(&body)?;
    let mut stream = stream;
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")?;
    came.send((path, message))?;
    Ok(())
}
