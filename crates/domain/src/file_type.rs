//! The kinds of files that can be sent.

use strum::{EnumString, IntoStaticStr, VariantArray};

/// A kind of file, by the extension of its name. Extensions are read in either case.
///
/// Source: content contract §14.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "lowercase", ascii_case_insensitive)]
pub enum FileType {
    /// A PDF.
    Pdf,
    /// Comma-separated values.
    Csv,
    /// Plain text.
    Txt,
    /// JSON.
    Json,
    /// A Word document in the old format.
    Doc,
    /// A Word document.
    Docx,
    /// An Excel spreadsheet.
    Xlsx,
    /// A document of LibreOffice and the like.
    Odt,
    /// Rich text.
    Rtf,
    /// A photograph, by its short extension.
    Jpg,
    /// A photograph.
    Jpeg,
    /// A drawing.
    Png,
}

impl FileType {
    /// The kind that a MIME type means. Case matters.
    #[must_use]
    pub fn from_mime(mime: &str) -> Option<Self> {
        match mime {
            "image/jpeg" => Some(Self::Jpeg),
            "text/rtf" => Some(Self::Rtf),
            _ => Self::VARIANTS.iter().copied().find(|kind| kind.mime() == mime),
        }
    }

    /// Its MIME type.
    #[must_use]
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Csv => "text/csv",
            Self::Txt => "text/plain",
            Self::Json => "application/json",
            Self::Doc => "application/msword",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Odt => "application/vnd.oasis.opendocument.text",
            Self::Rtf => "application/rtf",
            Self::Jpg | Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
        }
    }

    /// What people are told it is.
    #[must_use]
    pub const fn public_name(self) -> &'static str {
        match self {
            Self::Pdf => "PDF",
            Self::Csv => "CSV file",
            Self::Txt | Self::Odt | Self::Rtf => "text file",
            Self::Json => "JSON file",
            Self::Doc | Self::Docx => "Microsoft Word document",
            Self::Xlsx => "Microsoft Excel spreadsheet",
            Self::Jpg | Self::Jpeg => "JPEG file",
            Self::Png => "PNG file",
        }
    }
}

/// A size as people are told it: `0.3KB`, `1.4MB`.
///
/// Zeros at the end go even where they count, so that 10KB is called `1KB`. That is a fault which
/// is kept until the admin app, which says the same, has lost it.
#[must_use]
pub fn pretty_size(bytes: u64) -> String {
    /// Below half of a tenth of a unit it would round to nothing.
    const NOTHING: f64 = 0.05;
    #[expect(clippy::cast_precision_loss, reason = "one decimal is told of 52 bits")]
    let kilobytes = bytes as f64 / 1024.0;
    let megabytes = kilobytes / 1024.0;
    let (size, unit) = if megabytes < NOTHING {
        (if kilobytes < NOTHING { 0.1 } else { kilobytes }, "KB")
    } else {
        (megabytes, "MB")
    };
    let digits = format!("{size:.1}");
    format!("{}{unit}", digits.trim_end_matches(['0', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_extension_and_by_mime_type() {
        assert_eq!("DocX".parse(), Ok(FileType::Docx));
        assert!("gif".parse::<FileType>().is_err());
        for kind in FileType::VARIANTS {
            let again = FileType::from_mime(kind.mime()).unwrap();
            assert_eq!(again.mime(), kind.mime());
            assert_eq!(<&str>::from(kind).parse(), Ok(*kind));
        }
        assert_eq!(FileType::from_mime("text/rtf"), Some(FileType::Rtf));
        assert_eq!(FileType::from_mime("TEXT/CSV"), None);
    }

    #[test]
    fn sizes_have_one_decimal_at_most() {
        for (bytes, expected) in [
            (0, "0.1KB"),
            (51, "0.1KB"),
            (256, "0.2KB"),
            (10_240, "1KB"),
            (52_428, "51.2KB"),
            (52_429, "0.1MB"),
            (1_500_000, "1.4MB"),
            (104_857_600, "1MB"),
        ] {
            assert_eq!(pretty_size(bytes), expected, "{bytes}");
        }
    }
}
