//! Where the buckets are, and what they are called.

use std::{fmt, str::FromStr, time::Duration};

use secrecy::SecretString;
use url::Url;

use super::Bucket;
use crate::http::milliseconds;

/// Where objects are kept. A bucket is named by Notify's variable (public API contract §12.6); in a
/// folder, one without a name has a usual one.
#[derive(clap::Args, Clone, Debug)]
#[group(id = "object-store")]
pub struct ObjectsConfig {
    /// A folder, the same for all processes; `s3:` for Amazon S3; or the address of an S3-compatible
    /// store
    #[arg(long, env = "POSTROOM_OBJECTS", default_value = "objects")]
    pub objects: Location,
    /// Where S3 answers, if not at the region's usual address
    #[arg(long, env = "AWS_ENDPOINT_URL_S3")]
    pub s3_endpoint: Option<Url>,
    /// Region of S3
    #[arg(long, env = "AWS_REGION", default_value = "eu-west-1")]
    pub s3_region: String,
    /// Access key for S3; without one it is looked for as AWS's own tools do
    #[arg(long, env = "AWS_ACCESS_KEY_ID", hide_env_values = true)]
    pub s3_access_key_id: Option<SecretString>,
    /// Secret of the access key
    #[arg(long, env = "AWS_SECRET_ACCESS_KEY", hide_env_values = true)]
    pub s3_secret_access_key: Option<SecretString>,
    /// Session token, if the access key is a temporary one
    #[arg(long, env = "AWS_SESSION_TOKEN", hide_env_values = true)]
    pub s3_session_token: Option<SecretString>,
    /// Longest wait for an answer of S3, in milliseconds
    #[arg(long = "s3-timeout-ms", env = "POSTROOM_S3_TIMEOUT_MS", default_value = "30000", value_parser = milliseconds)]
    pub s3_timeout: Duration,
    /// Files of recipients
    #[arg(long, env = "S3_BUCKET_CSV_UPLOAD")]
    pub bucket_csv_upload: Option<String>,
    /// Contact lists
    #[arg(long, env = "S3_BUCKET_CONTACT_LIST")]
    pub bucket_contact_list: Option<String>,
    /// Files that email templates link to
    #[arg(long, env = "S3_BUCKET_TEMPLATE_EMAIL_FILES")]
    pub bucket_template_email_files: Option<String>,
    /// Letters of test keys
    #[arg(long, env = "S3_BUCKET_TEST_LETTERS")]
    pub bucket_test_letters: Option<String>,
    /// Letters ready to print
    #[arg(long, env = "S3_BUCKET_LETTERS_PDF")]
    pub bucket_letters_pdf: Option<String>,
    /// Letters that wait for their virus scan
    #[arg(long, env = "S3_BUCKET_LETTERS_SCAN")]
    pub bucket_letters_scan: Option<String>,
    /// Letters that failed validation
    #[arg(long, env = "S3_BUCKET_INVALID_PDF")]
    pub bucket_invalid_pdf: Option<String>,
    /// Letters uploaded in the admin app and not yet sent
    #[arg(long, env = "S3_BUCKET_TRANSIENT_UPLOADED_LETTERS")]
    pub bucket_transient_uploaded_letters: Option<String>,
    /// Letters just sanitised
    #[arg(long, env = "S3_BUCKET_LETTER_SANITISE")]
    pub bucket_letter_sanitise: Option<String>,
    /// Reports to download
    #[arg(long, env = "S3_BUCKET_REPORT_REQUESTS_DOWNLOAD")]
    pub bucket_report_requests_download: Option<String>,
    /// Files by email
    #[arg(long, env = "POSTROOM_S3_BUCKET_DOCUMENTS")]
    pub bucket_documents: Option<String>,
}

impl ObjectsConfig {
    /// A folder of this machine, with the usual buckets.
    #[must_use]
    pub fn in_folder(folder: &str) -> Self {
        Self {
            objects: Location::Folder(folder.to_owned()),
            s3_endpoint: None,
            s3_region: String::new(),
            s3_access_key_id: None,
            s3_secret_access_key: None,
            s3_session_token: None,
            s3_timeout: Duration::from_secs(30),
            bucket_csv_upload: None,
            bucket_contact_list: None,
            bucket_template_email_files: None,
            bucket_test_letters: None,
            bucket_letters_pdf: None,
            bucket_letters_scan: None,
            bucket_invalid_pdf: None,
            bucket_transient_uploaded_letters: None,
            bucket_letter_sanitise: None,
            bucket_report_requests_download: None,
            bucket_documents: None,
        }
    }

    /// The name of a bucket; `None` where a store shared with others would need one.
    pub(super) fn name(&self, bucket: Bucket) -> Option<&str> {
        let (name, usual) = match bucket {
            Bucket::CsvUpload => (&self.bucket_csv_upload, "notifications-csv-upload"),
            Bucket::ContactList => (&self.bucket_contact_list, "contact-list"),
            Bucket::TemplateEmailFiles => {
                (&self.bucket_template_email_files, "template-email-files")
            }
            Bucket::TestLetters => (&self.bucket_test_letters, "test-letters"),
            Bucket::LettersPdf => (&self.bucket_letters_pdf, "letters-pdf"),
            Bucket::LettersScan => (&self.bucket_letters_scan, "letters-scan"),
            Bucket::InvalidPdf => (&self.bucket_invalid_pdf, "letters-invalid-pdf"),
            Bucket::TransientUploadedLetters => {
                (&self.bucket_transient_uploaded_letters, "transient-uploaded-letters")
            }
            Bucket::LetterSanitise => (&self.bucket_letter_sanitise, "letters-sanitise"),
            Bucket::ReportRequests => {
                (&self.bucket_report_requests_download, "report-requests-download")
            }
            Bucket::Documents => (&self.bucket_documents, "documents"),
        };
        let in_folder = matches!(self.objects, Location::Folder(_));
        name.as_deref().or(in_folder.then_some(usual))
    }
}

/// What kind of store keeps the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Location {
    /// Files below a folder of this machine.
    Folder(String),
    /// Amazon S3.
    S3,
    /// Another store that speaks S3, at this address.
    Endpoint(Url),
}

impl FromStr for Location {
    type Err = url::ParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "s3:" | "s3://" => Self::S3,
            _ if text.starts_with("http://") || text.starts_with("https://") => {
                Self::Endpoint(text.parse()?)
            }
            _ => Self::Folder(text.strip_prefix("file://").unwrap_or(text).to_owned()),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => f.write_str(folder),
            Self::S3 => f.write_str("s3:"),
            Self::Endpoint(url) => url.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_unless_it_says_otherwise() {
        for (text, folder) in
            [("objects", "objects"), ("/var/lib/x", "/var/lib/x"), ("file:///var/x", "/var/x")]
        {
            assert_eq!(text.parse(), Ok(Location::Folder(folder.to_owned())));
        }
        assert_eq!("s3:".parse(), Ok(Location::S3));
        let endpoint: Location = "https://store.example:9000".parse().unwrap();
        assert_eq!(endpoint.to_string(), "https://store.example:9000/");
        assert!("http://".parse::<Location>().is_err());
    }

    #[test]
    fn buckets_have_usual_names_in_a_folder_only() {
        let mut config = ObjectsConfig::in_folder("objects");
        config.bucket_letters_pdf = Some("theirs".to_owned());
        assert_eq!(config.name(Bucket::LettersPdf), Some("theirs"));
        assert_eq!(config.name(Bucket::LettersScan), Some("letters-scan"));
        config.objects = Location::S3;
        assert_eq!(config.name(Bucket::LettersPdf), Some("theirs"));
        assert_eq!(config.name(Bucket::LettersScan), None, "it could be somebody else's");
    }
}
