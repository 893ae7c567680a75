//! `/notifications/letter/status`: the printer tells what became of a letter (public API contract
//! §5.3, letters contract §6.5). It was given the address, with a signed token, when it was given the
//! letter: the token is its proof. Answering 204 means queued.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use app::{App, letters::PrinterWord};
use domain::{NotificationId, ids::parse_uuid, london};
use queue::Envelope;
use serde_json::Value;
use tasks::letters::ProcessLetterCallback;
use time::{OffsetDateTime, PrimitiveDateTime, macros::format_description};
use url::form_urlencoded;

use crate::{
    error::ApiError,
    form::{Form, fault},
    http::{read_receipt, resource, trace},
};

/// What the printer must say of a letter that it has posted, and in which words; none means any.
const PROPERTIES: [(&str, &[&str]); 3] = [
    ("totalSheets", &[]),
    ("postageClass", &["1ST", "2ND", "INTERNATIONAL"]),
    (
        "mailingProduct",
        &[
            "UNCODED",
            "MM UNSORTED",
            "UNSORTED",
            "MM",
            "INT EU",
            "INT ROW",
            "UNSORTEDE",
            "MM ECONOMY",
        ],
    ),
];

/// `Form::end` has said so before these are read.
const CHECKED: &str = "a required field without a fault has a value";

pub(crate) fn routes(cfg: &mut web::ServiceConfig) {
    let path = "/notifications/letter/status";
    cfg.service(resource(path, "OPTIONS, POST").route(web::post().to(status)));
}

/// `POST /notifications/letter/status?token=…`
async fn status(
    request: HttpRequest,
    body: web::Payload,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let refuse = |status, message: &str| ApiError::v2(status, "InvalidRequest", message);
    let id = signed_id(&request, &app).ok_or_else(|| {
        refuse(StatusCode::FORBIDDEN, "A valid token must be provided in the query string")
    })?;
    let said = Said::read(&read_receipt(body).await?)?;
    if said.letter != id {
        let message = "Notification ID in letter callback data does not match ID in token";
        return Err(refuse(StatusCode::BAD_REQUEST, message));
    }
    let envelope = Envelope::new(&said.task(), app.clock().new_id(), &trace(&request))
        .map_err(|error| ApiError::internal(&error))?;
    app.enqueue(envelope).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The letter that the token in the query is for.
fn signed_id(request: &HttpRequest, app: &App) -> Option<NotificationId> {
    let mut query = form_urlencoded::parse(request.query_string().as_bytes());
    let (_, token) = query.find(|(name, _)| name == "token")?;
    let id: String = app.signer().unsign(&token).ok()?;
    parse_uuid(&id).ok().map(NotificationId)
}

/// What the printer says.
struct Said {
    letter: NotificationId,
    word: PrinterWord,
    at: OffsetDateTime,
    /// Of a letter that was posted.
    posted: Option<Posted>,
}

/// What the printer says of a letter that it has posted.
struct Posted {
    sheets: Option<i32>,
    is_sorted: bool,
}

impl Said {
    fn read(body: &[u8]) -> Result<Self, ApiError> {
        let mut form = Form::read(body)?;
        form.text("id");
        form.date_time("time");
        if let Some(mut metadata) = form.open("metadata") {
            metadata.text("correlationId");
            form.close(metadata, &["correlationId"]);
        }
        let said = form.open("data").and_then(|mut data| {
            let letter = data.id("jobId").map(NotificationId);
            let word = data.word("jobStatus", &["DESPATCHED", "REJECTED"]);
            let word = word.and_then(|word| word.parse().ok());
            let at = moment(&mut data, "transitionDate");
            let posted = match word {
                Some(PrinterWord::Despatched) => properties(&mut data, "despatchProperties"),
                _ => None,
            };
            let mut required = vec!["jobId", "jobStatus", "transitionDate"];
            if word == Some(PrinterWord::Despatched) {
                required.push("despatchProperties");
            }
            for optional in ["jobType", "templateReference", "comment"] {
                data.text(optional);
            }
            form.close(data, &required);
            Some(Self { letter: letter?, word: word?, at: at?, posted })
        });
        for optional in ["specVersion", "type", "source"] {
            form.text(optional);
        }
        form.word("dataContentType", &["application/json"]);
        form.require(&["id", "time", "metadata", "data"]);
        form.end()?;
        Ok(said.expect(CHECKED))
    }

    fn task(&self) -> ProcessLetterCallback {
        let threshold = |posted: &Posted| if posted.is_sorted { "sorted" } else { "unsorted" };
        ProcessLetterCallback {
            notification_id: self.letter,
            page_count: self.posted.as_ref().and_then(|posted| posted.sheets),
            dvla_status: self.word.to_string(),
            cost_threshold: self.posted.as_ref().map(|posted| threshold(posted).to_owned()),
            despatch_date: london::local(self.at).map(|local| local.date().to_string()),
        }
    }
}

/// A time as `2026-11-25T12:00:00Z`.
fn moment(data: &mut Form, name: &'static str) -> Option<OffsetDateTime> {
    let format = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    let text = data.text(name)?;
    let at = PrimitiveDateTime::parse(&text, format).ok();
    if at.is_none() {
        data.add(name, fault(&Value::String(text), "is not a date-time"));
    }
    at.map(PrimitiveDateTime::assume_utc)
}

/// A list of keys and values, all of them texts, none twice, with those of [`PROPERTIES`] among them.
fn properties(data: &mut Form, name: &'static str) -> Option<Posted> {
    let value = data.value(name)?;
    let Some(items) = value.as_array() else {
        data.add(name, fault(&value, "is not of type array"));
        return None;
    };
    let mut pairs = Vec::new();
    for item in items {
        if !item.is_object() {
            data.add(name, fault(item, "is not of type object"));
        }
        let text = |key| item.get(key).and_then(Value::as_str);
        pairs.extend(text("key").zip(text("value")));
        for key in ["key", "value"].into_iter().filter(|_| item.is_object()) {
            match item.get(key) {
                Some(Value::String(_)) => {}
                Some(other) => data.add(name, fault(other, "is not of type string")),
                None => data.add(name, format!("{key} is a required property")),
            }
        }
    }
    if items.len() < PROPERTIES.len() {
        data.add(name, fault(&value, "is too short"));
    }
    if items.iter().enumerate().any(|(at, item)| items[..at].contains(item)) {
        data.add(name, fault(&value, "has non-unique elements"));
    }
    let found = |key: &str, words: &[&str]| {
        let fits = |word: &str| words.is_empty() || words.contains(&word);
        pairs.iter().find(|pair| pair.0 == key && fits(pair.1)).map(|pair| pair.1)
    };
    let [sheets, class, product] = PROPERTIES.map(|(key, words)| found(key, words));
    if sheets.is_none() || class.is_none() || product.is_none() {
        data.add(name, fault(&value, "does not contain items matching the given schema"));
    }
    Some(Posted {
        sheets: sheets?.trim().parse().ok(),
        is_sorted: class? == "2ND" && ["MM", "MM ECONOMY"].contains(&product?),
    })
}
