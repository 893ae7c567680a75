//! Looking notifications up, one or a page of them (public API contract §2.6, §2.7).

use actix_web::{HttpRequest, HttpResponse, web};
use app::{App, notifications::Filter};
use domain::{NotificationId, NotificationStatus, NotificationType};
use serde_json::{Value, json};
use strum::VariantArray;

use super::shown::shown;
use crate::{
    error::ApiError,
    http::{BaseUrl, ServiceCaller},
    query::Query,
};

/// The statuses that can be asked for, in the order in which clients are told them, and what each
/// stands for.
const STATUSES: [(&str, &[NotificationStatus]); 16] = {
    use NotificationStatus::{
        Cancelled, Created, Delivered, Failed, Pending, PendingVirusCheck, PermanentFailure,
        ReturnedLetter, Sending, Sent, TechnicalFailure, TemporaryFailure, ValidationFailed,
        VirusScanFailed,
    };
    [
        ("cancelled", &[Cancelled]),
        ("created", &[Created]),
        ("sending", &[Sending]),
        ("sent", &[Sent]),
        ("delivered", &[Delivered]),
        ("pending", &[Pending]),
        (
            "failed",
            &[
                Failed,
                TechnicalFailure,
                TemporaryFailure,
                PermanentFailure,
                ValidationFailed,
                VirusScanFailed,
                ReturnedLetter,
            ],
        ),
        ("technical-failure", &[TechnicalFailure]),
        ("temporary-failure", &[TemporaryFailure]),
        ("permanent-failure", &[PermanentFailure]),
        ("pending-virus-check", &[PendingVirusCheck]),
        ("validation-failed", &[ValidationFailed]),
        ("virus-scan-failed", &[VirusScanFailed]),
        ("returned-letter", &[ReturnedLetter]),
        ("accepted", &[Created, Sending]),
        ("received", &[Delivered]),
    ]
};

/// The channels that can be asked for.
pub(in crate::v2) const CHANNELS: [(&str, NotificationType); 3] = [
    ("sms", NotificationType::Sms),
    ("email", NotificationType::Email),
    ("letter", NotificationType::Letter),
];

/// `GET /v2/notifications/{id}`: one of the service's notifications.
pub(super) async fn get(
    caller: ServiceCaller,
    request: HttpRequest,
    base: BaseUrl,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let found = app.notification(&caller.caller.account, id(&request)?).await?;
    Ok(HttpResponse::Ok().json(shown(&found, &base.0)))
}

/// `DELETE /v2/notifications/{id}`: calls back one of the service's notifications, and shows it.
pub(super) async fn cancel(
    caller: ServiceCaller,
    request: HttpRequest,
    base: BaseUrl,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let id = id(&request)?;
    app.cancel(&caller.caller, id).await?;
    let found = app.notification(&caller.caller.account, id).await?;
    Ok(HttpResponse::Ok().json(shown(&found, &base.0)))
}

/// `GET /v2/notifications`: a page of the service's notifications, the newest first.
pub(super) async fn list(
    caller: ServiceCaller,
    request: HttpRequest,
    base: BaseUrl,
    app: web::Data<App>,
) -> Result<HttpResponse, ApiError> {
    let mut query = Query::read(&request);
    let reference = query.text("reference");
    let statuses = statuses(query.choices("status", &STATUSES));
    let channels = query.choices("template_type", &CHANNELS);
    let include_jobs = query.choice("include_jobs", &[("true", ()), ("True", ())]).is_some();
    let older_than = query.id("older_than").map(NotificationId);
    let query = query.finish()?;
    let filter = Filter {
        key_type: caller.caller.key_type,
        statuses: &statuses,
        channels: &channels,
        reference: reference.as_deref(),
        include_jobs,
        older_than,
    };
    let page = app.notifications(&caller.caller, &filter).await?;
    let path = format!("{}/v2/notifications", base.0);
    let mut links = json!({ "current": query.link(&path) });
    if let Some(last) = page.last() {
        links["next"] = json!(query.link_after(&path, &last.id.to_string()));
    }
    let notifications: Vec<Value> = page.iter().map(|found| shown(found, &base.0)).collect();
    Ok(HttpResponse::Ok().json(json!({ "notifications": notifications, "links": links })))
}

/// The id in the path.
pub(super) fn id(request: &HttpRequest) -> Result<NotificationId, ApiError> {
    let id = request.match_info().query("id").parse();
    id.map_err(|_| ApiError::validation(vec!["notification_id is not a valid UUID".to_owned()]))
}

/// What the asked statuses stand for; nothing when that is all that are written any more.
fn statuses(asked: Vec<&'static [NotificationStatus]>) -> Vec<NotificationStatus> {
    let mut statuses = asked.concat();
    let is_asked = |status: &NotificationStatus| {
        *status == NotificationStatus::Failed || statuses.contains(status)
    };
    if NotificationStatus::VARIANTS.iter().all(is_asked) {
        statuses.clear();
    }
    statuses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_statuses_together_are_no_filter() {
        let every: Vec<_> = STATUSES.iter().map(|(_, statuses)| *statuses).collect();
        assert!(statuses(every.clone()).is_empty());
        let but_failed: Vec<_> = every.iter().copied().filter(|s| s.len() == 1).collect();
        assert!(statuses(but_failed.clone()).is_empty());
        assert_eq!(statuses(but_failed[1..].to_vec()).len(), but_failed.len() - 1);
    }
}
