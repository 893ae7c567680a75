//! A way to the broker on which all that is said is read along.

use std::sync::{Arc, Mutex};

use lapin::protocol::{AMQPClass, channel, parse_class};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// The methods of all connections that were made this way.
pub struct Tap {
    /// The broker's URL by this way.
    pub url: String,
    said: Said,
}

type Said = Arc<Mutex<Vec<AMQPClass>>>;

impl Tap {
    /// A way to the broker at `url`.
    pub async fn start(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (credentials, address) = url.split_once('@').unwrap();
        let (server, vhost) = address.split_once('/').unwrap();
        let url = format!("{credentials}@{}/{vhost}", listener.local_addr().unwrap());
        let said = Said::default();
        tokio::spawn(accept(listener, server.to_owned(), Arc::clone(&said)));
        Self { url, said }
    }

    /// What was said, by either side, in the order of each connection.
    pub fn said(&self) -> Vec<AMQPClass> {
        self.said.lock().unwrap().clone()
    }

    /// Why the broker closed channels: it does so when it refuses something.
    pub fn refusals(&self) -> Vec<String> {
        let refusal = |method| match method {
            AMQPClass::Channel(channel::AMQPMethod::Close(close)) if close.reply_code >= 300 => {
                Some(close.reply_text.to_string())
            }
            _ => None,
        };
        self.said().into_iter().filter_map(refusal).collect()
    }
}

async fn accept(listener: TcpListener, server: String, said: Said) {
    while let Ok((client, _)) = listener.accept().await {
        let broker = TcpStream::connect(&server).await.unwrap();
        let (from_client, to_client) = client.into_split();
        let (from_broker, to_broker) = broker.into_split();
        // The client begins with a header of eight bytes that is not a frame.
        tokio::spawn(pass(from_client, to_broker, 8, Arc::clone(&said)));
        tokio::spawn(pass(from_broker, to_client, 0, Arc::clone(&said)));
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, skipped: usize, said: Said) {
    let mut buffer = vec![0; 1 << 16];
    let (mut unread, mut to_skip) = (Vec::new(), skipped);
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        unread.extend_from_slice(&buffer[..length]);
        let start = to_skip.min(unread.len());
        unread.drain(..start);
        to_skip -= start;
        while let Some(frame) = take_frame(&mut unread) {
            // Kind 1 is a method; the others are content and heartbeats.
            if frame[0] == 1 {
                let (_, method) = parse_class(&frame[7..frame.len() - 1]).unwrap();
                said.lock().unwrap().push(method);
            }
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}

/// A frame is its kind (1 byte), channel (2), length (4), content, and an end (1).
fn take_frame(bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = u32::from_be_bytes(bytes.get(3..7)?.try_into().unwrap()) as usize + 8;
    (bytes.len() >= length).then(|| bytes.drain(..length).collect())
}
