//! A TCP proxy in front of the broker, for breaking connections.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};
use tokio_util::sync::CancellationToken;

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Open,
    /// Connections stay, and nothing passes.
    Silent,
    /// Everything passes, each piece so much later.
    Slow(Duration),
    /// No connections.
    Closed,
}

/// A way to the broker that a test can cut, silence and open again.
pub struct Proxy {
    /// The broker's URL by this way.
    pub url: String,
    mode: watch::Sender<Mode>,
    links: Links,
}

/// The open connections, by the client's port.
type Links = Arc<Mutex<HashMap<u16, Link>>>;

/// One open connection.
#[derive(Clone)]
struct Link {
    end: CancellationToken,
    /// From then on nothing passes.
    hang: CancellationToken,
    /// For speaking to the client in the broker's place.
    client: Writer,
}

type Writer = Arc<tokio::sync::Mutex<OwnedWriteHalf>>;

impl Proxy {
    /// A proxy for the broker at `url`.
    ///
    /// # Panics
    /// When the URL has no credentials, host and vhost, or no port is free.
    pub async fn start(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (credentials, address) = url.split_once('@').unwrap();
        let (server, vhost) = address.split_once('/').unwrap();
        let port = listener.local_addr().unwrap().port();
        let mode = watch::Sender::new(Mode::Open);
        let links = Links::default();
        tokio::spawn(accept(listener, server.to_owned(), mode.subscribe(), Arc::clone(&links)));
        Self { url: format!("{credentials}@127.0.0.1:{port}/{vhost}"), mode, links }
    }

    /// Ends every connection; new ones are welcome.
    pub fn cut(&self) {
        for link in self.links() {
            link.end.cancel();
        }
    }

    /// Ends every connection and takes no more.
    pub fn close(&self) {
        self.mode.send_replace(Mode::Closed);
        self.cut();
    }

    /// Leaves every connection open with nothing passing, for ever, as if a cable was pulled; new
    /// ones are welcome.
    pub fn hang(&self) {
        for link in self.links() {
            link.hang.cancel();
        }
    }

    /// From now on nothing passes, on connections old or new.
    pub fn silence(&self) {
        self.mode.send_replace(Mode::Silent);
    }

    /// From now on every piece, in either direction, takes so much longer.
    pub fn slow(&self, delay: Duration) {
        self.mode.send_replace(Mode::Slow(delay));
    }

    /// From now on everything passes.
    pub fn open(&self) {
        self.mode.send_replace(Mode::Open);
    }

    /// Sends the clients a method of the broker's connection class, on the channel of all such.
    ///
    /// # Panics
    /// When a client has gone.
    pub async fn say(&self, method: u16, arguments: &[u8]) {
        let mut payload = [10_u16.to_be_bytes(), method.to_be_bytes()].concat();
        payload.extend_from_slice(arguments);
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let frame = [&[1, 0, 0][..], &length, &payload, &[0xCE]].concat();
        for link in self.links() {
            link.client.lock().await.write_all(&frame).await.unwrap();
        }
    }

    fn links(&self) -> Vec<Link> {
        self.links.lock().unwrap().values().cloned().collect()
    }
}

async fn accept(listener: TcpListener, server: String, mode: watch::Receiver<Mode>, links: Links) {
    while let Ok((client, from)) = listener.accept().await {
        if *mode.borrow() == Mode::Closed {
            continue;
        }
        // As if there were no proxy: when the broker is not there, nobody is.
        let Ok(broker) = TcpStream::connect(&server).await else { continue };
        let (from_client, to_client) = client.into_split();
        let (from_broker, to_broker) = broker.into_split();
        let (to_client, to_broker) = (Writer::new(to_client.into()), Writer::new(to_broker.into()));
        let (end, hang) = (CancellationToken::new(), CancellationToken::new());
        let link = Link { end: end.clone(), hang: hang.clone(), client: Arc::clone(&to_client) };
        links.lock().unwrap().insert(from.port(), link);
        let (mode, links) = (mode.clone(), Arc::clone(&links));
        tokio::spawn(async move {
            let both = async {
                tokio::select! {
                    () = copy(from_client, &to_broker, mode.clone()) => {}
                    () = copy(from_broker, &to_client, mode) => {}
                    () = hang.cancelled() => std::future::pending().await,
                }
            };
            end.run_until_cancelled(both).await;
            links.lock().unwrap().remove(&from.port());
        });
    }
}

async fn copy(mut from: OwnedReadHalf, to: &Writer, mut mode: watch::Receiver<Mode>) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let Ok(now) = mode.wait_for(|mode| *mode != Mode::Silent).await.map(|mode| *mode) else {
            return;
        };
        if let Mode::Slow(delay) = now {
            tokio::time::sleep(delay).await;
        }
        if to.lock().await.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
