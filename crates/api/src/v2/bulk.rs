//! `/v2/notifications/bulk` and `/v2/jobs`: one template for many recipients. Not Notify's.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use app::{
    App,
    jobs::{AcceptedJob, BulkRequest},
};
use domain::{JobId, ReplyToId, SmsSenderId, TemplateId, job::JobStatus};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    notifications::{CHECKED, TemplateUsed, status},
    resource,
};
use crate::{
    error::ApiError,
    form::Form,
    http::{self, BaseUrl, DateTime, ServiceCaller},
    once,
    openapi::{Document, words},
};

/// The name of a file that was given none.
const UNNAMED: &str = "bulk.csv";
/// Longest name of a file, in characters.
const LONGEST_NAME: usize = 255;

pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(http::only("POST", "/v2/notifications/bulk").to(send))
        .service(resource("/v2/jobs/{id}", "GET, HEAD, OPTIONS").route(http::get().to(get)));
}

pub(super) fn describe_sending(api: &mut Document) {
    let now = OffsetDateTime::UNIX_EPOCH;
    let csv = Form::schema(&[], |form| bulk_request(form, now));
    let rows = Form::schema(&["rows"], |form| bulk_request(form, now));
    api.by_service("post", "/v2/notifications/bulk", "Send one template to many recipients")
        .says(
            "With a live key, to up to 50,000. The first row names the columns. Everything that is \
             wrong is told, with `code`, `row` and `column`, and nothing is sent then.",
        )
        .sends::<JobAccepted<'_>>(json!({ "oneOf": [csv, rows] }));
}

pub(super) fn describe_looking_up(api: &mut Document) {
    api.by_service("get", "/v2/jobs/{id}", "Get what has become of a file of recipients")
        .refuses(&[400])
        .answers::<Job<'_>>(200, "Where it is, and its notifications by status");
}

/// A file of recipients that was accepted.
#[derive(Serialize, JsonSchema)]
struct JobAccepted<'a> {
    #[schemars(with = "Uuid")]
    id: JobId,
    name: &'a str,
    #[schemars(schema_with = "words::<JobStatus>")]
    status: &'static str,
    scheduled_for: Option<DateTime>,
    notification_count: usize,
    template: TemplateUsed,
    /// Where it is looked up.
    uri: String,
}

/// A file of recipients.
#[derive(Serialize, JsonSchema)]
struct Job<'a> {
    #[schemars(with = "Uuid")]
    id: JobId,
    name: &'a str,
    #[schemars(schema_with = "words::<JobStatus>")]
    status: &'static str,
    scheduled_for: Option<DateTime>,
    created_at: DateTime,
    notification_count: i32,
    /// How many notifications have each status.
    notifications: BTreeMap<&'static str, i64>,
    template: TemplateUsed,
    uri: String,
}

/// `POST /v2/notifications/bulk`: accepts a file of recipients (201).
async fn send(
    caller: ServiceCaller,
    body: web::Payload,
    base: BaseUrl,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let body = http::read(body).await?;
    let now = app.clock().now();
    let answer = |accepted: &AcceptedJob| accepted_job(accepted, &base.0);
    once::accept(&caller, &app, None, body, async |body, once| {
        let form = Form::read(&body)?;
        drop(body); // the file is kept once only
        let request = bulk_request(form, now)?;
        let once = once.map(|once| once.answered(&answer));
        Ok(answer(&app.accept_bulk(&caller.caller, request, once, &caller.trace).await?))
    })
    .await
}

/// `GET /v2/jobs/{id}`: what has become of a file.
async fn get(
    caller: ServiceCaller,
    request: HttpRequest,
    base: BaseUrl,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let Ok(id) = request.match_info().query("id").parse::<JobId>() else {
        return Err(ApiError::validation(vec!["job_id is not a valid UUID".to_owned()]));
    };
    let (job, counts) = app.job(&caller.caller, id).await?;
    let mut notifications = BTreeMap::new();
    for (found, rows) in counts {
        // Two of ours may be one of clients'.
        *notifications.entry(status(job.channel, found)).or_default() += rows;
    }
    Ok(HttpResponse::Ok().json(Job {
        id: job.id,
        name: &job.name,
        status: job.status.into(),
        scheduled_for: job.scheduled_for.map(DateTime),
        created_at: DateTime(job.created_at),
        notification_count: job.rows,
        notifications,
        template: template(&base.0, job.template, job.template_version),
        uri: format!("{}/v2/jobs/{}", base.0, job.id),
    }))
}

fn bulk_request(mut form: Form, now: OffsetDateTime) -> Result<BulkRequest, ApiError> {
    let name = form.short_text("name", LONGEST_NAME);
    let template_id = form.id("template_id");
    let as_rows = form.has("rows");
    let csv = if as_rows { form.rows("rows") } else { form.text("csv") };
    let scheduled_for = form.scheduled_for("scheduled_for", now);
    let sms_sender_id = form.id("sms_sender_id").map(SmsSenderId);
    let email_reply_to_id = form.id("email_reply_to_id").map(ReplyToId);
    form.finish(&["template_id", if as_rows { "rows" } else { "csv" }])?;
    Ok(BulkRequest {
        template_id: TemplateId(template_id.expect(CHECKED)),
        csv: csv.expect(CHECKED),
        name: name.unwrap_or_else(|| UNNAMED.to_owned()),
        sms_sender_id,
        email_reply_to_id,
        scheduled_for,
    })
}

fn accepted_job(job: &AcceptedJob, base: &str) -> Value {
    let status =
        if job.scheduled_for.is_some() { JobStatus::Scheduled } else { JobStatus::Pending };
    json!(JobAccepted {
        id: job.id,
        name: &job.name,
        status: status.into(),
        scheduled_for: job.scheduled_for.map(DateTime),
        notification_count: job.rows,
        template: template(base, job.template.id, job.template.version),
        uri: format!("{base}/v2/jobs/{}", job.id),
    })
}

fn template(base: &str, id: TemplateId, version: i32) -> TemplateUsed {
    TemplateUsed { id, version, uri: format!("{base}/v2/template/{id}/version/{version}") }
}
