//! `/v2/notifications/bulk` and `/v2/jobs`: one template for many recipients. Not Notify's.

use actix_web::{HttpRequest, HttpResponse, guard, web};
use app::{
    App,
    jobs::{AcceptedJob, BulkRequest},
};
use domain::{JobId, ReplyToId, SmsSenderId, TemplateId};
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::{
    notifications::{CHECKED, status},
    resource,
};
use crate::{
    error::ApiError,
    form::Form,
    http::{self, BaseUrl, ServiceCaller, datetime},
    once,
};

/// The name of a file that was given none.
const UNNAMED: &str = "bulk.csv";
/// Longest name of a file, in characters.
const LONGEST_NAME: usize = 255;

pub(super) fn routes(cfg: &mut web::ServiceConfig) {
    cfg.service(web::resource("/v2/notifications/bulk").guard(guard::Post()).to(send))
        .service(resource("/v2/jobs/{id}", "GET, HEAD, OPTIONS").route(http::get().to(get)));
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
        let request = request(&body, now)?;
        drop(body); // the file is kept once only
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
    let mut notifications = Map::new();
    for (found, rows) in counts {
        let name = status(job.channel, found).to_owned(); // two of ours may be one of clients'
        let before = notifications.get(&name).and_then(Value::as_i64).unwrap_or_default();
        notifications.insert(name, json!(before + rows));
    }
    Ok(HttpResponse::Ok().json(json!({
        "id": job.id,
        "name": job.name,
        "status": job.status.to_string(),
        "scheduled_for": job.scheduled_for.and_then(datetime),
        "created_at": datetime(job.created_at),
        "notification_count": job.rows,
        "notifications": notifications,
        "template": template(&base.0, job.template, job.template_version),
        "uri": format!("{}/v2/jobs/{}", base.0, job.id),
    })))
}

fn request(body: &[u8], now: OffsetDateTime) -> Result<BulkRequest, ApiError> {
    let mut form = Form::read(body)?;
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
    json!({
        "id": job.id,
        "name": job.name,
        "status": if job.scheduled_for.is_some() { "scheduled" } else { "pending" },
        "scheduled_for": job.scheduled_for.and_then(datetime),
        "notification_count": job.rows,
        "template": template(base, job.template.id, job.template.version),
        "uri": format!("{base}/v2/jobs/{}", job.id),
    })
}

fn template(base: &str, id: TemplateId, version: i32) -> Value {
    let uri = format!("{base}/v2/template/{id}/version/{version}");
    json!({ "id": id, "version": version, "uri": uri })
}
