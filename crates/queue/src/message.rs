//! A message as AMQP knows it.

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable},
};

use crate::table;

/// Headers that the broker or the last publisher wrote for one delivery. Copied into the next, they
/// would grow without end (`x-death`) or send it to further queues (`CC`).
pub(crate) const OF_ONE_DELIVERY: &[&str] = &[
    "x-death",
    "x-first-death-exchange",
    "x-first-death-queue",
    "x-first-death-reason",
    "x-last-death-exchange",
    "x-last-death-queue",
    "x-last-death-reason",
    "x-delivery-count",
    "CC",
    "BCC",
];

/// How many bytes the headers of a message that we work on may have. They must fit one frame, by
/// RabbitMQ's default 128 KiB, also with what we add, or it ends the connection each time that we
/// pass them on. We add less than 16 KiB, and copies of a header or two.
pub(crate) const MAX_HEADERS: usize = 48 << 10;

/// A message as it lies in a queue. What we pass on is this, not our reading of it, so that nothing
/// we do not know is lost.
#[derive(Clone, Default)]
pub struct Message {
    /// Properties and headers.
    pub properties: BasicProperties,
    /// The body, still compressed if it is.
    pub body: Vec<u8>,
}

impl Message {
    /// A header, if it is there and not null.
    pub(crate) fn header(&self, name: &str) -> Option<&AMQPValue> {
        let headers = self.properties.headers().as_ref()?;
        headers.inner().get(name).filter(|value| **value != AMQPValue::Void)
    }

    /// The text of a header, if it is text.
    pub(crate) fn header_text(&self, name: &str) -> Option<&str> {
        self.header(name).and_then(table::as_text)
    }

    /// A header that counts, 0 if it is not there.
    pub(crate) fn header_count(&self, name: &str) -> u32 {
        let count = self.header(name).and_then(table::integer).unwrap_or_default().max(0);
        u32::try_from(count).unwrap_or(u32::MAX)
    }

    /// How many bytes its headers take in a frame.
    pub(crate) fn header_size(&self) -> usize {
        self.properties.headers().iter().flatten().map(table::field_size).sum()
    }

    /// This message without its longest headers, so that the rest fits [`MAX_HEADERS`].
    pub(crate) fn without_long_headers(self) -> Self {
        let mut size = self.header_size();
        if size <= MAX_HEADERS {
            return self;
        }
        let mut headers: Vec<_> = self.properties.headers().iter().flatten().collect();
        headers.sort_by_key(|field| table::field_size(*field));
        while size > MAX_HEADERS
            && let Some(field) = headers.pop()
        {
            tracing::error!(header = field.0.as_str(), "a header is too long, and is dropped");
            size -= table::field_size(field);
        }
        let mut kept = FieldTable::default();
        for (name, value) in headers {
            kept.insert(name.clone(), value.clone());
        }
        Self { properties: self.properties.with_headers(kept), body: self.body }
    }

    /// This message, fit to be published again, with some headers set (`Some`) or removed (`None`).
    ///
    /// It loses what belonged to one delivery: `x-death` and its like; `expiration`, which would end
    /// a wait early or delete a dead letter; `user_id`, which only its own user may publish.
    pub(crate) fn again<const N: usize>(
        self,
        changes: [(&'static str, Option<AMQPValue>); N],
    ) -> Self {
        let old = &self.properties;
        let mut headers = FieldTable::default();
        for (name, value) in old.headers().iter().flatten() {
            let dropped = OF_ONE_DELIVERY.contains(&name.as_str())
                || changes.iter().any(|(changed, _)| changed == &name.as_str());
            if !dropped {
                headers.insert(name.clone(), value.clone());
            }
        }
        for (name, value) in changes {
            if let Some(value) = value {
                headers.insert(name.into(), value);
            }
        }
        let mut new = BasicProperties::default().with_headers(headers);
        macro_rules! keep {
            ($($get:ident $with:ident),*) => { $(
                if let Some(value) = old.$get().clone() {
                    new = new.$with(value);
                }
            )* };
        }
        keep!(
            content_type with_content_type, content_encoding with_content_encoding,
            delivery_mode with_delivery_mode, priority with_priority,
            correlation_id with_correlation_id, reply_to with_reply_to,
            message_id with_message_id, timestamp with_timestamp,
            kind with_type, app_id with_app_id
        );
        Self { properties: new, body: self.body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_loses_what_belonged_to_one_delivery() {
        let mut headers = FieldTable::default();
        headers.insert("id".into(), table::text("1"));
        headers.insert("x-death".into(), table::text("grows"));
        headers.insert("CC".into(), table::text("multiplies"));
        let properties = BasicProperties::default()
            .with_headers(headers)
            .with_priority(3)
            .with_expiration("5".into())
            .with_user_id("somebody".into());
        let message = Message { properties, body: b"body".to_vec() };
        let copy = message.again([("retries", Some(table::count(1))), ("absent", None)]);
        let names: Vec<_> =
            copy.properties.headers().iter().flatten().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names, ["id", "retries"]);
        assert_eq!(*copy.properties.priority(), Some(3));
        assert_eq!(*copy.properties.expiration(), None);
        assert_eq!(*copy.properties.user_id(), None);
        assert_eq!(copy.body, b"body");
    }
}
