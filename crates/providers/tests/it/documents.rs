//! Notify's document-download service, at its wire format (public API contract §3.9, §11.7).

use domain::ServiceId;
use providers::documents::{
    Document, DocumentStore, DocumentsConfig, NotifyDocuments, UploadError,
};
use serde_json::{Value, json};
use stub::{Kind, Stub};
use uuid::Uuid;

use crate::support::{closed_port, config};

const SERVICE: ServiceId = ServiceId(Uuid::from_u128(7));

async fn started() -> Stub {
    stub::start(stub::Config::default()).await.unwrap()
}

fn store(url: &str) -> NotifyDocuments {
    let host = format!("--document-download-host-internal={url}");
    let config: DocumentsConfig = config(&[&host, "--document-download-key", "auth-token"]);
    NotifyDocuments::from_config(&config).unwrap().unwrap()
}

fn document(base64: &str) -> Document<'_> {
    Document {
        service: SERVICE,
        base64,
        is_csv: false,
        filename: None,
        confirmation_email: None,
        weeks: 26,
        request_id: None,
    }
}

#[tokio::test]
async fn uploads_have_notifys_format() {
    let stub = started().await;
    let all = Document {
        is_csv: true,
        filename: Some("Jo’s.csv"),
        confirmation_email: Some("Ada@example.com"),
        weeks: 1,
        request_id: Some("463ac35c9f6413ad48485a3953bb6124"),
        ..document("YSxi")
    };
    let store = store(&format!("{}/", stub.url));
    let link = store.upload(&all).await.unwrap();
    assert!(link.starts_with("https://documents.example/d/"), "{link}");
    store.upload(&document("YSxi")).await.unwrap();
    let [full, bare] = stub.received(Kind::Documents).try_into().unwrap();
    assert_eq!(full["reference"], SERVICE.to_string());
    assert_eq!(full["authorization"], "Bearer auth-token");
    assert_eq!(full["content_type"], "application/json");
    assert_eq!(full["trace_id"], "463ac35c9f6413ad48485a3953bb6124");
    assert_eq!(full["span_id"].as_str().unwrap().len(), 16);
    assert_eq!(
        full["request"],
        json!({ "document": "YSxi", "is_csv": true, "confirmation_email": "Ada@example.com",
                "retention_period": "1 week", "filename": "Jo’s.csv" })
    );
    // What is not known is left out.
    assert_eq!(
        bare["request"],
        json!({ "document": "YSxi", "is_csv": false, "retention_period": "26 weeks" })
    );
    assert_eq!((&bare["trace_id"], &bare["span_id"]), (&Value::Null, &Value::Null));
}

#[tokio::test]
async fn refusals_are_told_in_the_services_words_and_failures_are_not() {
    let stub = started().await;
    let too_large = "AAAA".repeat(700_000); // 2.1 MB
    for (base64, text) in [
        ("WDVPIVAlQEFQ", "File did not pass the virus scan"), // 400
        (&too_large, "Uploaded file exceeds file size limit"), // 413
    ] {
        match store(&stub.url).upload(&document(base64)).await {
            Err(UploadError::Refused(said)) => assert_eq!(said, text),
            other => panic!("{other:?}"),
        }
    }
    let failed = |result| match result {
        Err(UploadError::Failed(error)) => error,
        other => panic!("{other:?}"),
    };
    let away = failed(store(&stub.url).upload(&document("dW5hdmFpbGFibGU=")).await); // 503
    assert!(!away.is_permanent());
    let closed = format!("http://127.0.0.1:{}", closed_port().await.unwrap());
    let nobody = failed(store(&closed).upload(&document("YQ==")).await);
    assert!(!nobody.is_permanent());
    // Says yes, and gives no link.
    let page = failed(store(&format!("{}/nowhere", stub.url)).upload(&document("YQ==")).await);
    assert!(!page.is_permanent());
}

#[test]
fn address_and_key_go_together() {
    let read = |arguments: &[&str]| {
        NotifyDocuments::from_config(&config::<DocumentsConfig>(arguments)).map(|it| it.is_some())
    };
    assert!(!read(&[]).unwrap());
    let host = "--document-download-host-internal=http://documents.example";
    let error = read(&[host]).unwrap_err().to_string();
    assert!(error.starts_with("DOCUMENT_DOWNLOAD_API_KEY"), "{error}");
    let error = read(&["--document-download-key=a-secret"]).unwrap_err().to_string();
    assert!(error.starts_with("DOCUMENT_DOWNLOAD_API_HOST_INTERNAL"), "{error}");
    assert!(!error.contains("a-secret"));
}
