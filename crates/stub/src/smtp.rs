use std::{
    future,
    io::{self, ErrorKind},
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufStream},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{Kind, Outcome, SIZE_LIMIT, SLOW, State, new_id, timestamp};

/// Longest line that is taken, in bytes.
const LINE_LIMIT: u64 = 64 * 1024;
/// How long a client may be silent.
const IDLE: Duration = Duration::from_secs(300);
const CONNECTIONS: usize = 256;

/// Starts a mail server on the loopback interface and returns its address.
pub(crate) async fn start(
    port: u16,
    state: Arc<State>,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .await
        .with_context(|| format!("listening for SMTP on port {port}"))?;
    let address = listener.local_addr()?;
    tasks.spawn(accept_all(listener, state));
    Ok(address)
}

async fn accept_all(listener: TcpListener, state: Arc<State>) {
    let mut sessions = JoinSet::new();
    loop {
        while sessions.len() >= CONNECTIONS {
            sessions.join_next().await;
        }
        // A failed accept concerns that connection, or passes with load.
        let Ok((stream, _)) = listener.accept().await else {
            sleep(Duration::from_millis(10)).await;
            continue;
        };
        let session = Session {
            stream: BufStream::new(stream),
            state: Arc::clone(&state),
            mail: Mail::default(),
        };
        // It ends with an error when the client breaks off, which is its right.
        sessions.spawn(async { session.run().await.unwrap_or_default() });
        while sessions.try_join_next().is_some() {}
    }
}

/// An email in the making.
#[derive(Default)]
struct Mail {
    from: Option<String>,
    to: Vec<String>,
}

/// One client's conversation.
///
/// Source: RFC 5321; RFC 1870 (size); RFC 4954 (authentication, which anybody passes).
struct Session {
    stream: BufStream<TcpStream>,
    state: Arc<State>,
    mail: Mail,
}

impl Session {
    async fn run(mut self) -> io::Result<()> {
        self.answer("220 stub ESMTP").await?;
        loop {
            let line = self.line().await?;
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => {
                    self.mail = Mail::default();
                    let size = format!("250-SIZE {SIZE_LIMIT}");
                    let lines =
                        ["250-stub", "250-8BITMIME", "250-SMTPUTF8", &size, "250 AUTH PLAIN"];
                    self.answer(&lines.join("\r\n")).await?;
                }
                "HELO" | "RSET" => {
                    self.mail = Mail::default();
                    self.answer("250 2.0.0 OK").await?;
                }
                "NOOP" => self.answer("250 2.0.0 OK").await?,
                "AUTH" => self.answer("235 2.7.0 Accepted").await?,
                "MAIL" => self.take_sender(rest).await?,
                "RCPT" => self.take_recipient(rest).await?,
                "DATA" => self.take_data().await?,
                "QUIT" => return self.answer("221 2.0.0 Bye").await,
                _ => self.answer("502 5.5.1 Unknown command").await?,
            }
        }
    }

    async fn take_sender(&mut self, rest: &str) -> io::Result<()> {
        let Some((address, parameters)) = path(rest, "FROM:") else {
            return self.answer("501 5.5.4 MAIL FROM:<address>").await;
        };
        let size = parameters.split(' ').find_map(|parameter| parameter.strip_prefix("SIZE="));
        if size.and_then(|size| size.parse().ok()).is_some_and(|size: usize| size > SIZE_LIMIT) {
            return self.answer("552 5.3.4 Too large").await;
        }
        self.mail = Mail { from: Some(address.to_owned()), to: Vec::new() };
        self.answer("250 2.1.0 OK").await
    }

    async fn take_recipient(&mut self, rest: &str) -> io::Result<()> {
        let Some((address, _)) = path(rest, "TO:").filter(|_| self.mail.from.is_some()) else {
            return self.answer("503 5.5.1 MAIL FROM:<address>, then RCPT TO:<address>").await;
        };
        match Outcome::of(address) {
            Outcome::Temporary | Outcome::Error500 => {
                return self.answer("451 4.3.0 Try again later").await;
            }
            Outcome::Permanent => return self.answer("550 5.1.1 No such user").await,
            Outcome::Throttle => {
                return self.answer("454 4.7.0 Maximum sending rate exceeded").await;
            }
            Outcome::Hang => future::pending().await,
            Outcome::Slow => sleep(SLOW).await,
            _ => {}
        }
        self.mail.to.push(address.to_owned());
        self.answer("250 2.1.5 OK").await
    }

    async fn take_data(&mut self) -> io::Result<()> {
        if self.mail.to.is_empty() {
            return self.answer("503 5.5.1 RCPT TO:<address> first").await;
        }
        self.answer("354 End with a dot on a line of its own").await?;
        let mut data = Vec::new();
        let mut too_large = false;
        loop {
            let line = self.line().await?;
            if line == b".\r\n" {
                break;
            }
            // Senders double a dot at the start of a line.
            let line = line.strip_prefix(b".").unwrap_or(&line);
            too_large |= data.len() + line.len() > SIZE_LIMIT;
            if !too_large {
                data.extend_from_slice(line);
            }
        }
        let mail = std::mem::take(&mut self.mail);
        if too_large {
            return self.answer("552 5.3.4 Too large").await;
        }
        if mail.to.iter().any(|to| Outcome::of(to) == Outcome::Reject) {
            return self.answer("554 5.6.0 Rejected").await;
        }
        let data = String::from_utf8_lossy(&data);
        self.keep(&mail, &data);
        self.answer("250 2.0.0 OK").await
    }

    fn keep(&self, mail: &Mail, data: &str) {
        // Our senders make the message's id from the notification's.
        let reference = data
            .lines()
            .take_while(|line| !line.is_empty())
            .find_map(|line| line.strip_prefix("Message-ID: <")?.split('@').next());
        let item = json!({
            "at": timestamp(),
            "id": new_id(),
            "reference": reference,
            "transport": "smtp",
            "outcome": Outcome::Delivered,
            "request": {"from": mail.from, "to": mail.to, "data": data},
        });
        self.state.received.add(Kind::Emails, item);
    }

    /// The next line, its end included.
    async fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        let mut limited = (&mut self.stream).take(LINE_LIMIT);
        timeout(IDLE, limited.read_until(b'\n', &mut line)).await??;
        if line.ends_with(b"\n") { Ok(line) } else { Err(ErrorKind::UnexpectedEof.into()) }
    }

    async fn answer(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes()).await?;
        self.stream.write_all(b"\r\n").await?;
        self.stream.flush().await
    }
}

/// The address in `FROM:<address> parameters`, and the parameters.
fn path<'a>(rest: &'a str, keyword: &str) -> Option<(&'a str, &'a str)> {
    let (start, rest) = rest.split_at_checked(keyword.len())?;
    let rest = rest.trim_start().strip_prefix('<')?;
    let (address, parameters) = rest.split_once('>')?;
    start.eq_ignore_ascii_case(keyword).then_some((address, parameters))
}
