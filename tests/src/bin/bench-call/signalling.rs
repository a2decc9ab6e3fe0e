//! What two pages need to find each other: their own address, and a way for short messages. HTTP on
//! loopback; each message is passed on at once as a server-sent event (HTML, section 9.2).

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::Duration,
};

use anyhow::{Context, Result};

const PAGE: &str = include_str!("page.html");

/// The longest message: a session description has a few kilobytes.
const LONGEST: usize = 256 * 1024;

/// Where messages for each page go.
type Listeners = Arc<Mutex<HashMap<String, TcpStream>>>;

/// A server for the pages; its threads end with the program.
#[derive(Debug)]
pub(crate) struct Signalling {
    address: String,
}

impl Signalling {
    /// Listens on a free port of loopback.
    pub(crate) fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").context("no port for the pages")?;
        let address = format!("http://{}", listener.local_addr()?);
        let listeners = Listeners::default();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let listeners = listeners.clone();
                thread::spawn(move || {
                    // A page that goes away in the middle of a request wants no answer.
                    let _gone = serve(stream, &listeners);
                });
            }
        });
        Ok(Self { address })
    }

    /// The address of one of the two pages, `a` or `b`.
    pub(crate) fn page(&self, me: &str) -> String {
        format!("{}/?me={me}", self.address)
    }
}

fn serve(stream: TcpStream, listeners: &Listeners) -> Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else {
            break;
        };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse::<usize>()?.min(LONGEST);
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let target = first.split(' ').nth(1).unwrap_or_default();
    let (path, me) = target.split_once("?me=").unwrap_or((target, ""));
    answer(stream, listeners, path, me, &body)
}

fn answer(
    mut to: TcpStream,
    listeners: &Listeners,
    path: &str,
    me: &str,
    body: &[u8],
) -> Result<()> {
    let mut whole = |status: &str, kind: &str, text: &str| {
        write!(
            to,
            "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{text}",
            text.len()
        )
    };
    match path {
        "/" => whole("200 OK", "text/html; charset=utf-8", PAGE)?,
        "/listen" => {
            write!(
                to,
                "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
                 Cache-Control: no-store\r\n\r\n"
            )?;
            lock(listeners).insert(me.to_owned(), to);
        }
        "/tell" => {
            let other = if me == "a" { "b" } else { "a" };
            if let Some(listener) = lock(listeners).get_mut(other) {
                // JSON in one line, as an event wants it.
                listener.write_all(&[b"data: ", body, b"\n\n"].concat())?;
            }
            whole("204 No Content", "text/plain", "")?;
        }
        _ => whole("404 Not Found", "text/plain", "nothing here\n")?,
    }
    Ok(())
}

fn lock(listeners: &Listeners) -> std::sync::MutexGuard<'_, HashMap<String, TcpStream>> {
    listeners.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(address: &str, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    #[test]
    fn a_message_reaches_the_other_page() {
        let signalling = Signalling::start().unwrap();
        assert!(signalling.page("a").ends_with("/?me=a"));
        let address = signalling.address.trim_start_matches("http://");
        let listening = ask(address, "GET /listen?me=b HTTP/1.1\r\n\r\n");
        let mut lines = BufReader::new(listening);
        let mut line = String::new();
        while line != "\r\n" {
            line.clear();
            lines.read_line(&mut line).unwrap();
        }
        let tell = "POST /tell?me=a HTTP/1.1\r\nContent-Length: 12\r\n\r\n{\"bye\":true}";
        let mut told = String::new();
        ask(address, tell).read_to_string(&mut told).unwrap();
        assert!(told.starts_with("HTTP/1.1 204"), "{told}");
        line.clear();
        lines.read_line(&mut line).unwrap();
        assert_eq!(line, "data: {\"bye\":true}\n");
    }
}
