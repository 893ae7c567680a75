//! Notify's document-download service, at its wire format (public API contract §3.9, §11.7); and our
//! own store.

use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use domain::{Clock, ServiceId, file_type::FileType};
use providers::{
    documents::{
        Document, DocumentLink, DocumentStore, DocumentsConfig, NotifyDocuments, OwnDocuments,
        UploadError, expiring,
    },
    objects::{Objects, ObjectsConfig},
};
use serde_json::{Value, json};
use stub::{Kind, Stub};
use tempfile::TempDir;
use time::{
    OffsetDateTime,
    macros::{date, datetime},
};
use uuid::Uuid;

use crate::{
    antivirus::{clamd, test_virus},
    objects::stores,
    support::{closed_port, config},
};

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

/// Our own store in a folder, and the time there.
struct Own {
    store: OwnDocuments,
    objects: Objects,
    folder: TempDir,
    now: Arc<Mutex<OffsetDateTime>>,
}

impl Own {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let objects = ObjectsConfig::in_folder(&folder.path().display().to_string());
        let objects = Objects::from_config(&objects).unwrap();
        let now = Arc::new(Mutex::new(datetime!(2026-11-25 12:00 UTC)));
        let hand = Arc::clone(&now);
        let clock = Clock::from_fn(move || *hand.lock().unwrap());
        let store = OwnDocuments::new(objects.clone(), clock, "https://api.example/");
        Self { store, objects, folder, now }
    }

    async fn upload(&self, document: &Document<'_>) -> DocumentLink {
        link(&self.store.upload(document).await.unwrap())
    }
}

/// A link, taken apart.
fn link(url: &str) -> DocumentLink {
    let parts: Vec<&str> = url.split(['/', '?', '=']).collect();
    let [_, _, host, path, day, id, _, key] = parts[..] else { panic!("{url}") };
    assert_eq!((host, path), ("api.example", "documents"));
    DocumentLink::parse(day, id, key).unwrap()
}

/// Everything below a folder, names and contents.
fn all_bytes(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        bytes.extend(path.display().to_string().into_bytes());
        bytes.extend(if path.is_dir() { all_bytes(&path) } else { std::fs::read(&path).unwrap() });
    }
    bytes
}

#[tokio::test]
async fn what_is_kept_comes_back_by_its_link_and_is_unreadable_without() {
    let own = Own::new();
    let text = b"name,amount\nAda Lovelace,12.50\n";
    let base64 = BASE64_STANDARD.encode(text);
    let document = Document {
        filename: Some("Ada’s refund.csv"),
        confirmation_email: Some("Ada@example.com"),
        weeks: 2,
        ..document(&base64)
    };
    let url = own.store.upload(&document).await.unwrap();
    assert!(url.starts_with("https://api.example/documents/2026-12-09/"), "{url}");
    let link = link(&url);
    assert!(url.ends_with(&link.path()), "{url}");
    let kept = own.store.find(&link).await.unwrap().unwrap();
    assert_eq!((kept.service, kept.kind), (SERVICE, FileType::Csv));
    assert_eq!(kept.size_bytes, text.len() as u64);
    assert_eq!(kept.filename.as_deref(), Some("Ada’s refund.csv"));
    assert!(kept.asks_for_confirmation());
    assert!(link.is_confirmed_by(&kept, " ada@EXAMPLE.com"));
    assert!(!link.is_confirmed_by(&kept, "bob@example.com"));
    assert!(!link.is_confirmed_by(&kept, ""));
    assert_eq!(own.store.read(&link).await.unwrap().unwrap(), &text[..]);

    let kept = all_bytes(own.folder.path());
    assert!(kept.len() > text.len());
    let key = url.rsplit('=').next().unwrap();
    for secret in ["Lovelace", "name,amount", "refund", "example.com", key, &base64] {
        let secret = secret.as_bytes();
        assert!(!kept.windows(secret.len()).any(|window| window == secret));
    }
}

#[tokio::test]
async fn another_key_day_or_id_finds_nothing() {
    let own = Own::new();
    let link = own.upload(&document("YSxi")).await;
    let path = link.path();
    let key = path.rsplit('=').next().unwrap();
    let (day, id) = (link.last_day.to_string(), link.id.to_string());
    let parse = |day: &str, id: &str, key: &str| DocumentLink::parse(day, id, key).unwrap();
    assert!(own.store.find(&parse(&day, &id, key)).await.unwrap().is_some());
    let others = [
        parse(&day, &id, &"0".repeat(64)),
        parse(&day, &Uuid::nil().to_string(), key),
        parse("2027-12-31", &id, key),
    ];
    for other in others {
        assert!(own.store.find(&other).await.unwrap().is_none());
        assert!(own.store.read(&other).await.unwrap().is_none());
    }
    for (day, id, key) in [("x", &*id, key), (&*day, "x", key), (&*day, &*id, "00")] {
        assert!(DocumentLink::parse(day, id, key).is_none());
    }
}

#[tokio::test]
async fn a_file_lasts_to_the_end_of_its_last_day_in_london_and_cannot_be_made_to_last_longer() {
    let own = Own::new();
    *own.now.lock().unwrap() = datetime!(2026-06-01 23:30 UTC); // the 2nd there
    let first = own.upload(&Document { weeks: 1, ..document("YSxi") }).await;
    assert_eq!(first.last_day, date!(2026 - 06 - 09));
    *own.now.lock().unwrap() = datetime!(2026-06-09 22:59 UTC);
    assert!(own.store.find(&first).await.unwrap().is_some());
    *own.now.lock().unwrap() = datetime!(2026-06-09 23:00 UTC);
    assert!(own.store.find(&first).await.unwrap().is_none());

    // Somebody who can write to the store gives it a later day.
    let (from, id) = (expiring(first.last_day), first.id.simple());
    let from = from.bucket.at(format!("{}{id}", from.key));
    let to = from.bucket.at(format!("2027-01-01/{id}"));
    assert!(own.objects.copy(&from, &to, None).await.unwrap());
    let path = first.path();
    let key = path.rsplit('=').next().unwrap();
    let later = DocumentLink::parse("2027-01-01", &first.id.to_string(), key).unwrap();
    assert!(own.store.find(&later).await.unwrap().is_none());
    assert!(own.store.read(&later).await.unwrap().is_none());
}

#[tokio::test]
async fn our_store_refuses_what_the_contract_says_it_does() {
    let own = Own::new();
    let store = own.store.clone().with_scanner(Arc::new(clamd()));
    let refusal = async |base64: &str, filename: Option<&str>| {
        let document = Document { filename, ..document(base64) };
        match store.upload(&document).await {
            Err(UploadError::Refused(text)) => text,
            other => panic!("{other:?}"),
        }
    };
    let supported = "Supported types are: 'csv, doc, docx, jpeg, jpg, json, odt, pdf, png, rtf, \
                     txt, xlsx'";
    assert_eq!(refusal("é", None).await, "Document is not base64 encoded");
    assert_eq!(
        refusal("R0lGODlhAA==", None).await,
        format!("Unsupported file type 'image/gif'. {supported}")
    );
    assert_eq!(
        refusal("YSxi", Some("a.exe")).await,
        format!("Unsupported file type 'exe'. {supported}")
    );
    let infected = BASE64_STANDARD.encode(test_virus());
    assert_eq!(refusal(&infected, None).await, "File did not pass the virus scan");
    let long = format!("{}.csv", "é".repeat(97));
    assert_eq!(refusal("YSxi", Some(&long)).await, "filename cannot be longer than 100 characters");
    let largest = vec![b'a'; 2 << 20];
    let (fits, too_large) = (BASE64_STANDARD.encode(&largest), [&largest[..], b"a"].concat());
    let text = refusal(&BASE64_STANDARD.encode(too_large), None).await;
    assert_eq!(text, "File is larger than 2MB");

    let longest = format!("{}.csv", "é".repeat(96));
    for (base64, filename) in
        [("YS xi\r\n", Some(&*longest)), ("YQ", None), ("", None), (&*fits, None)]
    {
        let link = link(&store.upload(&Document { filename, ..document(base64) }).await.unwrap());
        assert!(own.store.find(&link).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn either_kind_of_object_store_keeps_documents_under_their_last_day() {
    for (kind, objects, _kept) in stores().await {
        let clock = Clock::fixed(datetime!(2026-11-25 12:00 UTC));
        let store = OwnDocuments::new(objects.clone(), clock, "https://api.example");
        // As long as a name may be, and each character longer than any other when it is sealed.
        let longest = format!("{}.csv", "\u{1}".repeat(96));
        let document = Document {
            filename: Some(&longest),
            confirmation_email: Some("ada@example.com"),
            ..document("YSxi")
        };
        let link = link(&store.upload(&document).await.unwrap());
        let kept = store.find(&link).await.unwrap().unwrap();
        assert_eq!(kept.filename.as_deref(), Some(&*longest), "{kind}");
        assert_eq!(store.read(&link).await.unwrap().unwrap(), &b"a,b"[..], "{kind}");
        let place = objects.find(&expiring(link.last_day)).await.unwrap().unwrap();
        let metadata = objects.metadata(&place).await.unwrap().unwrap();
        assert_eq!(metadata["expires"], link.last_day.to_string(), "{kind}");
        let bytes: usize = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(bytes <= 2048, "{kind}: {bytes}");
    }
}
