use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use actix_web::{
    HttpResponse,
    web::{Data, Json, Path, Query},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::State;

/// Kinds of things that are received.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Text messages, by the APIs of MMG, Firetext and SNS.
    Sms,
    /// Emails, by SES's API and by SMTP.
    Emails,
    /// Callbacks to services.
    Callbacks,
    /// Tickets for operators.
    Tickets,
    /// Files for recipients of emails.
    Documents,
}

/// Remembers the newest things of each kind.
///
/// Each is a JSON object with at least `at` (when), `id` (ours, or in a callback's body) and
/// `reference` (the sender's, or in a callback's body).
pub(crate) struct Received {
    capacity: usize,
    shelves: [Mutex<VecDeque<Value>>; 5],
    changed: Notify,
}

impl Received {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { capacity, shelves: Default::default(), changed: Notify::new() }
    }

    /// Adds one, forgetting the oldest when there are too many.
    pub(crate) fn add(&self, kind: Kind, item: Value) {
        self.with(kind, |items| {
            items.push_back(item);
            while items.len() > self.capacity {
                items.pop_front();
            }
        });
        self.changed.notify_waiters();
    }

    /// Those that match, oldest first.
    pub(crate) fn list(&self, kind: Kind, matches: impl Fn(&Value) -> bool) -> Vec<Value> {
        self.with(kind, |items| items.iter().filter(|item| matches(item)).cloned().collect())
    }

    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.with(kind, |items| items.len())
    }

    pub(crate) async fn wait_for(&self, kind: Kind, count: usize) -> Vec<Value> {
        loop {
            // Made before the look, so that nothing added after it goes unnoticed.
            let changed = self.changed.notified();
            if self.count(kind) >= count {
                return self.list(kind, |_| true);
            }
            changed.await;
        }
    }

    fn with<T>(&self, kind: Kind, act: impl FnOnce(&mut VecDeque<Value>) -> T) -> T {
        let shelf = &self.shelves[kind as usize];
        act(&mut shelf.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The filter of `GET /received…`: both, one or none.
#[derive(Deserialize)]
pub(crate) struct Filter {
    id: Option<String>,
    reference: Option<String>,
}

impl Filter {
    fn matches(&self, item: &Value) -> bool {
        let fits = |wanted: &Option<String>, value: &Value| {
            wanted.as_deref().is_none_or(|wanted| value == wanted)
        };
        fits(&self.id, &item["id"]) && fits(&self.reference, &item["reference"])
    }
}

/// `GET /received`: everything, by kind.
pub(crate) async fn show_all(state: Data<State>, filter: Query<Filter>) -> Json<Value> {
    let list = |kind| state.received.list(kind, |item| filter.matches(item));
    Json(json!({
        "sms": list(Kind::Sms),
        "emails": list(Kind::Emails),
        "callbacks": list(Kind::Callbacks),
        "tickets": list(Kind::Tickets),
        "documents": list(Kind::Documents),
    }))
}

/// `GET /received/{kind}`: one kind.
pub(crate) async fn show(
    state: Data<State>,
    kind: Path<Kind>,
    filter: Query<Filter>,
) -> Json<Vec<Value>> {
    Json(state.received.list(*kind, |item| filter.matches(item)))
}

/// `DELETE /received`: forgets everything (204).
pub(crate) async fn clear(state: Data<State>) -> HttpResponse {
    for kind in [Kind::Sms, Kind::Emails, Kind::Callbacks, Kind::Tickets, Kind::Documents] {
        state.received.with(kind, VecDeque::clear);
    }
    HttpResponse::NoContent().finish()
}
