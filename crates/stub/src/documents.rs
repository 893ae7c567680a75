use actix_web::{
    HttpRequest, HttpResponse,
    http::header::AUTHORIZATION,
    web::{Data, Json, Path},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{Kind, State, new_id, timestamp};

/// What virus scanners are tried with begins so.
const EICAR: &[u8] = b"X5O!P%@AP";
/// Larger files are refused.
const LARGEST_BYTES: usize = 2 << 20;

/// `POST /services/{service}/documents`: takes a file for its recipient to download. One with the
/// beginning of EICAR in it is refused as holding a virus; one that begins with `unavailable` gets
/// 503.
pub(crate) async fn upload(
    request: HttpRequest,
    service: Path<String>,
    body: Json<Value>,
    state: Data<State>,
) -> HttpResponse {
    let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
    let Some(authorization) = header(AUTHORIZATION.as_str()) else {
        return HttpResponse::Unauthorized().json(json!({"error": "Unauthorized"}));
    };
    let file = body["document"].as_str().and_then(|text| BASE64_STANDARD.decode(text).ok());
    let Some(file) = file else {
        return HttpResponse::BadRequest().json(json!({"error": "Document is not base64 encoded"}));
    };
    if file.windows(EICAR.len()).any(|window| window == EICAR) {
        let error = json!({"error": "File did not pass the virus scan"});
        return HttpResponse::BadRequest().json(error);
    }
    if file.len() > LARGEST_BYTES {
        let error = json!({"error": "Uploaded file exceeds file size limit"});
        return HttpResponse::PayloadTooLarge().json(error);
    }
    if file.starts_with(b"unavailable") {
        return HttpResponse::ServiceUnavailable().json(json!({"error": "Scanner is away"}));
    }
    let id = new_id();
    state.received.add(
        Kind::Documents,
        json!({
            "at": timestamp(),
            "id": id.to_string(),
            "reference": service.as_str(),
            "authorization": authorization,
            "content_type": header("content-type"),
            "trace_id": header("x-b3-traceid"),
            "span_id": header("x-b3-spanid"),
            "request": body.into_inner(),
        }),
    );
    let url = format!("https://documents.example/d/{service}/{id}?key=secret");
    let document = json!({"id": id, "url": url, "filename": null, "sending_method": "link"});
    HttpResponse::Created().json(json!({"status": "ok", "document": document}))
}
