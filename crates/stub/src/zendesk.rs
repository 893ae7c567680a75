use actix_web::{
    HttpRequest, HttpResponse,
    http::header::AUTHORIZATION,
    web::{Data, Json},
};
use serde_json::{Value, json};

use crate::{Kind, State, new_id, timestamp};

/// `POST /api/v2/tickets.json`: takes a ticket. A subject with the word `suspended` is refused as
/// Zendesk refuses tickets of suspended users.
pub(crate) async fn create(
    request: HttpRequest,
    ticket: Json<Value>,
    state: Data<State>,
) -> HttpResponse {
    let Some(authorization) = request.headers().get(AUTHORIZATION) else {
        return HttpResponse::Unauthorized().json(json!({"error": "Couldn't authenticate you"}));
    };
    let Some(subject) = ticket["ticket"]["subject"].as_str() else {
        return HttpResponse::UnprocessableEntity().json(json!({"error": "RecordInvalid"}));
    };
    if subject.contains("suspended") {
        let requester = json!([{"description": "Requester: is suspended."}]);
        let body = json!({"error": "RecordInvalid", "details": {"requester": requester}});
        return HttpResponse::UnprocessableEntity().json(body);
    }
    let id = new_id().as_u128() % 100_000_000;
    state.received.add(
        Kind::Tickets,
        json!({
            "at": timestamp(),
            "id": id.to_string(),
            "reference": null,
            "authorization": authorization.to_str().unwrap_or_default(),
            "request": ticket.into_inner(),
        }),
    );
    HttpResponse::Created().json(json!({"ticket": {"id": id as u64}}))
}
