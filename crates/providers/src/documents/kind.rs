//! What kind of file it is, by its content; and by its name, where it has one.
//!
//! A dozen kinds are told apart by a few bytes each. A general library would know hundreds that are
//! refused here, and not the texts, which are most of what is sent.

use domain::file_type::FileType;
use strum::VariantArray;

/// A kind that is not taken, as it is called in the refusal.
pub(super) struct Unsupported(pub String);

impl Unsupported {
    /// What the client is told.
    pub(super) fn message(&self) -> String {
        let mut supported: Vec<&str> = FileType::VARIANTS.iter().map(Into::into).collect();
        supported.sort_unstable();
        let (kind, supported) = (&self.0, supported.join(", "));
        format!("Unsupported file type '{kind}'. Supported types are: '{supported}'")
    }
}

enum Content {
    Text,
    Known(FileType),
    Other(&'static str),
}

/// The kind of a file. A name decides only among kinds that look alike: what is not of a supported
/// kind inside is not taken under any name.
pub(super) fn kind(
    bytes: &[u8],
    filename: Option<&str>,
    is_csv: bool,
) -> Result<FileType, Unsupported> {
    let extension = filename.and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
    let named = match extension {
        None => None,
        Some(extension) => {
            Some(extension.parse::<FileType>().map_err(|_| Unsupported(extension.to_owned()))?)
        }
    };
    match (content(bytes), named) {
        (Content::Other(mime), _) => Err(Unsupported(mime.to_owned())),
        (Content::Text, Some(named @ (FileType::Csv | FileType::Json | FileType::Txt))) => {
            Ok(named)
        }
        (Content::Text, _) if is_csv => Ok(FileType::Csv),
        (Content::Text, _) if is_json(bytes) => Ok(FileType::Json),
        (Content::Text, _) => Ok(FileType::Txt),
        (Content::Known(kind), Some(named)) if named.mime() == kind.mime() => Ok(named),
        (Content::Known(kind), _) => Ok(kind),
    }
}

fn content(bytes: &[u8]) -> Content {
    if bytes.starts_with(b"%PDF-") {
        Content::Known(FileType::Pdf)
    } else if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        Content::Known(FileType::Png)
    } else if bytes.starts_with(b"\xff\xd8\xff") {
        Content::Known(FileType::Jpeg)
    } else if bytes.starts_with(b"{\\rtf") {
        Content::Known(FileType::Rtf)
    } else if bytes.starts_with(b"PK\x03\x04") {
        zipped(bytes)
    } else if bytes.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        // The directory of an old Office file is in UTF-16.
        let is_word = holds(bytes, b"W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0");
        if is_word {
            Content::Known(FileType::Doc)
        } else {
            Content::Other("application/x-ole-storage")
        }
    } else if is_text(bytes) {
        Content::Text
    } else {
        Content::Other(match bytes {
            [b'G', b'I', b'F', b'8', ..] => "image/gif",
            [b'M', b'Z', ..] => "application/x-dosexec",
            [0x7f, b'E', b'L', b'F', ..] => "application/x-executable",
            _ => "application/octet-stream",
        })
    }
}

/// What a ZIP archive is, by the names in it, which are never compressed.
fn zipped(bytes: &[u8]) -> Content {
    /// The first entry of an archive has its name, and here its content, at this offset.
    const FIRST_NAME: usize = 30;
    let first = bytes.get(FIRST_NAME..).unwrap_or_default();
    if first.starts_with(b"mimetypeapplication/vnd.oasis.opendocument.text") {
        Content::Known(FileType::Odt)
    } else if holds(bytes, b"word/document") {
        Content::Known(FileType::Docx)
    } else if holds(bytes, b"xl/workbook") {
        Content::Known(FileType::Xlsx)
    } else {
        Content::Other("application/zip")
    }
}

/// Whether it could be text in some encoding: no character that only machines use. UTF-16 is known
/// by its mark.
fn is_text(bytes: &[u8]) -> bool {
    let is_shown = |byte: &u8| *byte >= b' ' || matches!(byte, b'\t' | b'\n' | b'\r' | b'\x0c');
    bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") || bytes.iter().all(is_shown)
}

/// An object or a list, as a file of JSON is.
fn is_json(bytes: &[u8]) -> bool {
    let begins = bytes.trim_ascii_start().first();
    matches!(begins, Some(b'{' | b'['))
        && serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok()
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn found(bytes: &[u8], filename: Option<&str>, is_csv: bool) -> Result<FileType, String> {
        kind(bytes, filename, is_csv).map_err(|unsupported| unsupported.0)
    }

    fn zip(name: &[u8]) -> Vec<u8> {
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.resize(30, 0);
        bytes.extend(name);
        bytes
    }

    #[test]
    fn content_tells_the_kind() {
        for (bytes, kind) in [
            (&b"%PDF-1.5 testpdf"[..], FileType::Pdf),
            (b"\x89PNG\r\n\x1a\n\0\0\0", FileType::Png),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", FileType::Jpeg),
            (b"{\\rtf1\\ansi Hello}", FileType::Rtf),
            (b"a,b", FileType::Txt),
            (b"caf\xe9\r\n\tin Latin 1", FileType::Txt),
            (b"\xff\xfea\0,\0b\0", FileType::Txt),
            (b"", FileType::Txt),
            (b" {\"a\": [1]}\n", FileType::Json),
            (b"{ not so", FileType::Txt),
            (b"5", FileType::Txt),
            (&zip(b"[Content_Types].xml word/document.xml"), FileType::Docx),
            (&zip(b"_rels/.rels xl/workbook.xml"), FileType::Xlsx),
            (&zip(b"mimetypeapplication/vnd.oasis.opendocument.textPK"), FileType::Odt),
            (
                b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 W\0o\0r\0d\0D\0o\0c\0u\0m\0e\0n\0t\0",
                FileType::Doc,
            ),
        ] {
            assert_eq!(found(bytes, None, false), Ok(kind));
        }
        assert_eq!(found(b"a,b", None, true), Ok(FileType::Csv));
        assert_eq!(found(b"%PDF-1.5", None, true), Ok(FileType::Pdf));
    }

    #[test]
    fn a_name_decides_among_what_looks_alike() {
        for (bytes, name, kind) in [
            (&b"a,b"[..], "a.csv", FileType::Csv),
            (b"a,b", "a.b.TXT", FileType::Txt),
            (b"[1]", "a.txt", FileType::Txt),
            (b"\xff\xd8\xff\xe0", "a.jpg", FileType::Jpg),
            (b"\xff\xd8\xff\xe0", "a.png", FileType::Jpeg),
            (b"a,b", "a.pdf", FileType::Txt),
        ] {
            assert_eq!(found(bytes, Some(name), false), Ok(kind), "{name}");
        }
    }

    #[test]
    fn what_is_not_supported_is_refused_by_content_and_by_name() {
        for (bytes, name, kind) in [
            (&b"GIF89a\0"[..], None, "image/gif"),
            (b"MZ\x90\0", Some("invoice.pdf"), "application/x-dosexec"),
            (b"\x7fELF\x02", Some("a.txt"), "application/x-executable"),
            (&zip(b"a.txt"), Some("a.docx"), "application/zip"),
            (
                b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 W\0o\0r\0k\0b\0o\0o\0k\0",
                None,
                "application/x-ole-storage",
            ),
            (b"a\0b", None, "application/octet-stream"),
            (b"a,b", Some("a.exe"), "exe"),
            (b"a,b", Some("a."), ""),
        ] {
            assert_eq!(found(bytes, name, false), Err(kind.to_owned()), "{name:?}");
        }
        assert_eq!(
            Unsupported("image/gif".to_owned()).message(),
            "Unsupported file type 'image/gif'. Supported types are: 'csv, doc, docx, jpeg, jpg, \
             json, odt, pdf, png, rtf, txt, xlsx'"
        );
    }
}
