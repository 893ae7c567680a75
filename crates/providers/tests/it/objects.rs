//! Objects, in a folder and in a store that speaks S3 over HTTP.

use std::{net::SocketAddr, path::Path};

use futures_util::TryStreamExt;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use providers::{
    Error,
    objects::{Bucket, Metadata, Objects, ObjectsConfig, Place},
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::{closed_port, config};

const BUCKETS: [(&str, &str); 4] = [
    ("--bucket-letters-scan", "test-letters-scan"),
    ("--bucket-letters-pdf", "test-letters-pdf"),
    ("--bucket-invalid-pdf", "test-invalid-pdf"),
    ("--bucket-documents", "test-documents"),
];

/// A real S3 server, whose files are below `root`.
async fn s3_server(root: &Path) -> SocketAddr {
    for (_, name) in BUCKETS {
        std::fs::create_dir(root.join(name)).unwrap();
    }
    let mut builder = S3ServiceBuilder::new(s3s_fs::FileSystem::new(root).unwrap());
    builder.set_auth(SimpleAuth::from_single("key", "secret"));
    let service = builder.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let service = service.clone();
            tokio::spawn(async move {
                let builder = Builder::new(TokioExecutor::new());
                let _ = builder.serve_connection(TokioIo::new(socket), service).await;
            });
        }
    });
    address
}

fn s3(url: &str, secret: &str) -> Objects {
    let secret = format!("--s3-secret-access-key={secret}");
    let location = format!("--objects={url}");
    let mut arguments = vec![location, "--s3-access-key-id=key".to_owned(), secret];
    arguments.extend(BUCKETS.iter().map(|(argument, name)| format!("{argument}={name}")));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    Objects::from_config(&config::<ObjectsConfig>(&arguments)).unwrap()
}

fn folder(root: &Path) -> Objects {
    let location = format!("--objects={}", root.display());
    Objects::from_config(&config::<ObjectsConfig>(&[&location])).unwrap()
}

/// Both kinds of store, empty, with the folders that they live in.
pub(crate) async fn stores() -> [(&'static str, Objects, TempDir); 2] {
    let (files, served) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let address = s3_server(served.path()).await;
    [
        ("folder", folder(files.path()), files),
        ("s3", s3(&format!("http://{address}"), "secret"), served),
    ]
}

fn metadata(pairs: &[(&str, &str)]) -> Metadata {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

async fn keys(objects: &Objects, prefix: &Place) -> Vec<String> {
    let listed = objects.list(prefix).await.unwrap();
    let listed: Vec<_> = listed.try_collect().await.unwrap();
    assert!(listed.iter().all(|one| one.written_at.is_some() && one.size_bytes == 3), "{listed:?}");
    let mut keys: Vec<String> = listed.into_iter().map(|one| one.place.key).collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn an_object_is_read_as_it_was_written_with_its_metadata() {
    for (kind, objects, _kept) in stores().await {
        let place = Bucket::InvalidPdf.at("NOTIFY.FOO.D.2.C.20171204172900.PDF");
        assert!(objects.get(&place).await.unwrap().is_none(), "{kind}");
        assert!(objects.metadata(&place).await.unwrap().is_none(), "{kind}");
        assert!(!objects.exists(&place).await.unwrap(), "{kind}");

        let why = metadata(&[("message", "letter-too-long"), ("invalid_pages", "[1, 2]")]);
        objects.put(&place, "%PDF".as_bytes(), &why).await.unwrap();
        let object = objects.get(&place).await.unwrap().unwrap();
        assert_eq!((&object.body[..], &object.metadata), (&b"%PDF"[..], &why), "{kind}");
        assert_eq!(objects.metadata(&place).await.unwrap(), Some(why), "{kind}");
        assert!(objects.exists(&place).await.unwrap(), "{kind}");

        objects.put(&place, "second".as_bytes(), &Metadata::new()).await.unwrap();
        let object = objects.get(&place).await.unwrap().unwrap();
        assert_eq!(&object.body[..], b"second", "{kind}");
        assert!(object.metadata.is_empty(), "{kind}: {:?}", object.metadata);
    }
}

#[tokio::test]
async fn objects_are_listed_by_the_beginning_of_their_keys() {
    for (kind, objects, _kept) in stores().await {
        let bucket = Bucket::LettersPdf;
        assert_eq!(keys(&objects, &bucket.at("")).await, [""; 0], "{kind}");
        assert_eq!(keys(&objects, &bucket.at("2017-12-04/NOTIFY.FOO")).await, [""; 0], "{kind}");
        for key in
            ["2017-12-04/NOTIFY.FOO.D.PDF", "2017-12-04/NOTIFY.BAR.D.PDF", "2018-01-01/A.PDF"]
        {
            objects.put(&bucket.at(key), "abc".as_bytes(), &metadata(&[("a", "b")])).await.unwrap();
        }
        let found = keys(&objects, &bucket.at("2017-12-04/NOTIFY.FOO")).await;
        assert_eq!(found, ["2017-12-04/NOTIFY.FOO.D.PDF"], "{kind}");
        assert_eq!(keys(&objects, &bucket.at("2017-12-04/")).await.len(), 2, "{kind}");
        assert_eq!(keys(&objects, &bucket.at("")).await.len(), 3, "{kind}");
        let first = objects.find(&bucket.at("2018")).await.unwrap();
        assert_eq!(first, Some(bucket.at("2018-01-01/A.PDF")), "{kind}");
        assert_eq!(objects.find(&bucket.at("2019")).await.unwrap(), None, "{kind}");
    }
}

#[tokio::test]
async fn a_move_broken_off_anywhere_is_finished_by_the_next() {
    for (kind, objects, _kept) in stores().await {
        let from = Bucket::LettersScan.at("NOTIFY.FOO.PDF");
        let to = Bucket::LettersPdf.at("2017-12-04/NOTIFY.FOO.PDF");
        let had = metadata(&[("a", "b")]);
        assert!(!objects.relocate(&from, &to, None).await.unwrap(), "{kind}: nothing to move");

        objects.put(&from, "abc".as_bytes(), &had).await.unwrap();
        // Copied, and then the process died.
        assert!(objects.copy(&from, &to, None).await.unwrap(), "{kind}");
        for _ in 0..2 {
            assert!(objects.relocate(&from, &to, None).await.unwrap(), "{kind}");
            assert!(!objects.exists(&from).await.unwrap(), "{kind}");
            assert_eq!(objects.metadata(&to).await.unwrap().as_ref(), Some(&had), "{kind}");
        }
    }
}

#[tokio::test]
async fn metadata_given_to_a_move_replaces_the_old() {
    for (kind, objects, _kept) in stores().await {
        let place = Bucket::InvalidPdf.at("NOTIFY.FOO.PDF");
        let (old, new) = (metadata(&[("a", "b"), ("c", "d")]), metadata(&[("a", "e")]));
        objects.put(&place, "abc".as_bytes(), &old).await.unwrap();
        let kept = Bucket::LettersScan.at("FAILURE/NOTIFY.FOO.PDF");
        assert!(objects.relocate(&place, &kept, Some(&new)).await.unwrap(), "{kind}");
        assert_eq!(objects.metadata(&kept).await.unwrap(), Some(new.clone()), "{kind}");
        // Onto itself, as the admin app does to change metadata.
        assert!(objects.relocate(&kept, &kept, Some(&old)).await.unwrap(), "{kind}");
        assert_eq!(objects.metadata(&kept).await.unwrap(), Some(old), "{kind}");
    }
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_may_be_deleted_again() {
    for (kind, objects, kept) in stores().await {
        let place = Bucket::LettersPdf.at("2017-12-04/NOTIFY.FOO.PDF");
        objects.put(&place, "abc".as_bytes(), &metadata(&[("a", "b")])).await.unwrap();
        for _ in 0..2 {
            objects.delete(&place).await.unwrap();
            assert!(objects.get(&place).await.unwrap().is_none(), "{kind}");
        }
        objects.put(&place, "abc".as_bytes(), &Metadata::new()).await.unwrap();
        let metadata = objects.metadata(&place).await.unwrap();
        assert_eq!(metadata, Some(Metadata::new()), "{kind}: below {}", kept.path().display());
    }
}

#[tokio::test]
async fn no_key_leads_out_of_its_bucket() {
    for (kind, objects, _kept) in stores().await {
        for key in ["", "../x", "a/../../x", "/etc/x", "a//b", "a/"] {
            let place = Bucket::LettersPdf.at(key);
            let put = objects.put(&place, "abc".as_bytes(), &Metadata::new()).await;
            assert!(put.unwrap_err().is_permanent(), "{kind} {key}");
            assert!(objects.get(&place).await.unwrap_err().is_permanent(), "{kind} {key}");
            assert!(objects.delete(&place).await.unwrap_err().is_permanent(), "{kind} {key}");
        }
    }
}

#[tokio::test]
async fn a_store_that_refuses_is_told_from_one_that_does_not_answer() {
    let served = TempDir::new().unwrap();
    let address = s3_server(served.path()).await;
    let place = Bucket::LettersPdf.at("NOTIFY.FOO.PDF");
    let refused = s3(&format!("http://{address}"), "wrong").get(&place).await.unwrap_err();
    assert!(refused.is_permanent(), "{refused}");
    let nowhere = s3(&format!("http://127.0.0.1:{}", closed_port().await.unwrap()), "secret");
    let silent = nowhere.get(&place).await.unwrap_err();
    assert!(matches!(silent, Error::Temporary { .. }), "{silent}");
    // Nobody gave this bucket a name.
    let unnamed = s3(&format!("http://{address}"), "secret").get(&Bucket::CsvUpload.at("x")).await;
    assert!(unnamed.unwrap_err().is_permanent());
}

#[tokio::test]
async fn an_object_written_in_parts_is_there_when_it_is_finished_and_not_before() {
    for (kind, objects, _kept) in stores().await {
        let place = Bucket::LettersPdf.at("2017-12-04/BIG.CSV");
        objects.put(&place, "before".as_bytes(), &metadata(&[("a", "b")])).await.unwrap();
        let part = "0123456789abcde\n".repeat(128 * 1024); // 2 MiB
        let mut upload = objects.upload(&place).await.unwrap();
        for _ in 0..4 {
            upload.append(part.clone()).await.unwrap();
        }
        assert_eq!(&objects.get(&place).await.unwrap().unwrap().body[..], b"before", "{kind}");
        upload.finish().await.unwrap();
        let object = objects.get(&place).await.unwrap().unwrap();
        assert!(object.body == part.repeat(4), "{kind}: {} bytes", object.body.len());
        assert!(object.metadata.is_empty(), "{kind}: {:?}", object.metadata);
    }
}

#[tokio::test]
async fn an_upload_that_is_aborted_leaves_nothing() {
    for (kind, objects, _kept) in stores().await {
        for parts in [0, 1, 4] {
            let place = Bucket::LettersPdf.at("2017-12-04/BIG.CSV");
            let mut upload = objects.upload(&place).await.unwrap();
            for _ in 0..parts {
                upload.append("x".repeat(2 * 1024 * 1024)).await.unwrap();
            }
            upload.abort().await.unwrap();
            assert!(!objects.exists(&place).await.unwrap(), "{kind}, {parts} parts");
        }
    }
}
