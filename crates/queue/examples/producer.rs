//! Asks for one greeting now and one in five seconds:
//! `CELERY_BROKER_URL=amqp://… cargo run -p queue --example producer -- Ada`

mod greeting;

use std::time::Duration;

use greeting::Greet;
use queue::{Envelope, Trace};

#[tokio::main(flavor = "current_thread")]
#[expect(clippy::disallowed_methods, reason = "here nothing is above that could pass them in")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "world".to_owned());
    let broker = greeting::broker().await?;
    let (id, later_id) = (uuid::Uuid::new_v4(), uuid::Uuid::new_v4());
    let now = Envelope::new(&Greet { name: name.clone(), loud: false }, id, &Trace::default())?;
    let later = Envelope::new(&Greet { name, loud: true }, later_id, &Trace::default())?
        .eta(time::OffsetDateTime::now_utc() + Duration::from_secs(5));
    for published in broker.publisher().publish_all(&[now, later]).await {
        // Ok: the broker has it on disk. An error comes within two seconds: keep the envelope.
        published?;
    }
    println!("published {id} and {later_id}");
    broker.close().await;
    Ok(())
}
