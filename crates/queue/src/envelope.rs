//! One task message, off the wire.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    task::{Call, Task},
    wire::DecodeError,
};

/// What a task inherits from the request or task that caused it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// Id of the first task of the tree; `None` when this task is the first.
    pub root_id: Option<String>,
    /// Id of the task that published it; `None` when no task did.
    pub parent_id: Option<String>,
    /// Headers to pass on, such as a request id.
    #[serde(default)]
    pub headers: Map<String, Value>,
}

/// One task message before it is on the wire, or after.
///
/// As JSON it can be stored and published later. Its `Debug` leaves out the arguments, which may be
/// personal data.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// Queue, without prefix.
    pub queue: String,
    /// Name of the task.
    pub task: String,
    /// Id of the task. Retries keep it. Normally a UUID, but any text works.
    pub id: String,
    /// Id of the first task of the tree: its own for a task at the top.
    pub root_id: String,
    /// Id of the task that published it, if one did.
    pub parent_id: Option<String>,
    /// Earlier tries: 0 at first.
    #[serde(default)]
    pub retries: u32,
    /// Not to be run before this moment.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub eta: Option<OffsetDateTime>,
    /// To be forgotten after this moment.
    #[serde(default, with = "time::serde::rfc3339::option")]
    pub expires: Option<OffsetDateTime>,
    /// Positional arguments.
    pub args: Vec<Value>,
    /// Arguments by name.
    pub kwargs: Map<String, Value>,
    /// Headers besides Celery's own.
    #[serde(default)]
    pub headers: Map<String, Value>,
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("queue", &self.queue)
            .field("task", &self.task)
            .field("id", &self.id)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

/// This task cannot be written as a message.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The payload has no JSON form, such as a map whose keys are not text.
    #[error("the task cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The payload is JSON, but not an object with one field per argument.
    #[error("the payload of a task must be a struct with named fields")]
    NotAStruct,
    /// The name of a queue (199 bytes with its prefix) or of a header (255 bytes).
    #[error("a name is too long for AMQP")]
    LongName,
    /// More than 16 MiB, which no worker of ours would read.
    #[error("the task is longer than 16 MiB")]
    TooLong,
}

impl Envelope {
    /// The message that asks for `task`, on its default queue. `id` is its id for good; `trace` is
    /// what it inherits.
    ///
    /// # Errors
    /// [`EncodeError`] when the payload is not a struct that JSON can hold.
    pub fn new<T: Task>(task: &T, id: Uuid, trace: &Trace) -> Result<Self, EncodeError> {
        let (args, kwargs) = arguments(task)?;
        let id = id.to_string();
        Ok(Self {
            queue: T::QUEUE.to_owned(),
            task: T::NAME.to_owned(),
            root_id: trace.root_id.clone().unwrap_or_else(|| id.clone()),
            parent_id: trace.parent_id.clone(),
            id,
            retries: 0,
            eta: None,
            expires: None,
            args,
            kwargs,
            headers: trace.headers.clone(),
        })
    }

    /// The message that asks for a task whose arguments another producer has written already.
    #[must_use]
    pub fn untyped(
        task: &str,
        queue: &str,
        args: Vec<Value>,
        kwargs: Map<String, Value>,
        id: Uuid,
        trace: &Trace,
    ) -> Self {
        let id = id.to_string();
        Self {
            queue: queue.to_owned(),
            task: task.to_owned(),
            root_id: trace.root_id.clone().unwrap_or_else(|| id.clone()),
            parent_id: trace.parent_id.clone(),
            id,
            retries: 0,
            eta: None,
            expires: None,
            args,
            kwargs,
            headers: trace.headers.clone(),
        }
    }

    /// Another queue (without prefix) than the default.
    #[must_use]
    pub fn on(self, queue: impl Into<String>) -> Self {
        Self { queue: queue.into(), ..self }
    }

    /// Not to be run before `eta`: until then it waits in the broker.
    #[must_use]
    pub fn eta(self, eta: OffsetDateTime) -> Self {
        Self { eta: Some(eta), ..self }
    }

    /// Of no use after `expires`: then the broker or the worker drops it.
    #[must_use]
    pub fn expires_at(self, expires: OffsetDateTime) -> Self {
        Self { expires: Some(expires), ..self }
    }

    /// One more header. Celery's own cannot be overridden.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// The payload, whichever way its arguments were passed.
    ///
    /// # Errors
    /// [`DecodeError::Arguments`] when they do not fit the fields of `T`.
    pub fn payload<T: Task>(&self) -> Result<T, DecodeError> {
        let mut fields = self.kwargs.clone();
        for (name, value) in T::ARGS.iter().zip(&self.args) {
            if fields.insert((*name).to_owned(), value.clone()).is_some() {
                return Err(DecodeError::Arguments(format!("`{name}` is given twice")));
            }
        }
        let nothing = fields.is_empty();
        serde_json::from_value(Value::Object(fields))
            // A task without arguments may be a unit struct, which serde reads from null only.
            .or_else(|error| match serde_json::from_value(Value::Null) {
                Ok(task) if nothing => Ok(task),
                _ => Err(error),
            })
            .map_err(|error| DecodeError::Arguments(without_values(&error)))
    }
}

/// The arguments as our producers pass them: what has no place in the positional list goes by name.
fn arguments<T: Task>(task: &T) -> Result<(Vec<Value>, Map<String, Value>), EncodeError> {
    let mut fields = match serde_json::to_value(task).map_err(EncodeError::Json)? {
        Value::Object(fields) => fields,
        Value::Null => Map::new(),
        _ => return Err(EncodeError::NotAStruct),
    };
    let args = match T::CALL {
        Call::Positional => T::ARGS.iter().map_while(|name| fields.shift_remove(*name)).collect(),
        Call::Keywords => Vec::new(),
    };
    Ok((args, fields))
}

/// What serde says is wrong, without the value it found there: that may be personal data.
///
/// Its texts are `missing field …`, or something about the value that ends in `, expected …`.
fn without_values(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("missing field") {
        return text;
    }
    match text.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => "a value has the wrong form".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Greet {
        name: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        title: Option<String>,
        #[serde(default)]
        loud: bool,
    }

    impl Task for Greet {
        const NAME: &'static str = "greet";
        const QUEUE: &'static str = "greetings";
        const ARGS: &'static [&'static str] = &["name", "title", "loud"];
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Tick;

    impl Task for Tick {
        const NAME: &'static str = "tick";
        const QUEUE: &'static str = "ticks";
        const ARGS: &'static [&'static str] = &[];
    }

    fn greet(title: Option<&str>) -> Greet {
        Greet { name: "Ada".to_owned(), title: title.map(str::to_owned), loud: true }
    }

    fn envelope(task: &impl Task) -> Envelope {
        Envelope::new(task, Uuid::nil(), &Trace::default()).unwrap()
    }

    #[test]
    fn a_gap_in_the_positions_is_closed_by_name() {
        let whole = envelope(&greet(Some("Dr")));
        assert_eq!(whole.args, ["Ada".into(), "Dr".into(), Value::Bool(true)]);
        let gap = envelope(&greet(None));
        assert_eq!(gap.args, [Value::from("Ada")]);
        assert_eq!(gap.kwargs, Map::from_iter([("loud".to_owned(), Value::Bool(true))]));
        assert_eq!(gap.payload::<Greet>().unwrap(), greet(None));
    }

    #[test]
    fn extra_arguments_are_ignored_and_missing_ones_take_their_default() {
        let mut envelope = envelope(&Tick);
        envelope.args = vec!["Ada".into(), Value::Null, true.into(), "extra".into()];
        envelope.kwargs.insert("unheard_of".to_owned(), 1.into());
        assert_eq!(envelope.payload::<Greet>().unwrap(), greet(None));
        envelope.args.truncate(1);
        assert!(!envelope.payload::<Greet>().unwrap().loud);
    }

    #[test]
    fn a_task_may_have_no_arguments() {
        assert_eq!(envelope(&Tick).payload::<Tick>().unwrap(), Tick);
    }

    #[test]
    fn an_argument_that_does_not_fit_is_not_repeated() {
        let mut envelope = envelope(&Tick);
        let error = envelope.payload::<Greet>().err().unwrap();
        assert_eq!(error.to_string(), "the arguments do not fit: missing field `name`");
        envelope.args = vec!["Ada".into(), Value::Null, "07700900000, expected".into()];
        let error = envelope.payload::<Greet>().err().unwrap();
        assert_eq!(error.to_string(), "the arguments do not fit: expected a boolean");
        envelope.kwargs.insert("name".to_owned(), "Bob".into());
        let error = envelope.payload::<Greet>().err().unwrap();
        assert_eq!(error.to_string(), "the arguments do not fit: `name` is given twice");
    }

    #[test]
    fn it_round_trips_through_json() {
        let envelope = envelope(&greet(None))
            .on("elsewhere")
            .eta(OffsetDateTime::UNIX_EPOCH)
            .header("request_id", "r-1");
        let json = serde_json::to_string(&envelope).unwrap();
        assert_eq!(envelope, serde_json::from_str(&json).unwrap());
    }
}
