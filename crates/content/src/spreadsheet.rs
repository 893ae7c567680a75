//! Files that people upload, as the CSV text that [`recipients`](crate::recipients) reads.
//!
//! Text may have any encoding and separator that spreadsheet programs write; of a workbook the first
//! sheet counts. What a file asks for in memory is bounded before it is read.

mod bounds;
mod text;
mod workbook;

use std::io;

/// Most bytes of a file.
pub const MAX_BYTES: usize = 10 << 20;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SpreadsheetError {
    /// Its name does not end in one of csv, tsv, xlsx, xlsm, xls, ods.
    #[error("not a file of a kind that can be read")]
    Kind,
    /// More than [`MAX_BYTES`], or more than can be held once it is unpacked.
    #[error("the file is too large")]
    TooLarge,
    /// It is not what its name says, is damaged, or needs a password.
    #[error("the file cannot be read")]
    Damaged(#[source] calamine::Error),
    /// As above.
    #[error("the file cannot be read")]
    Unreadable(#[from] io::Error),
    /// A workbook without a sheet.
    #[error("the file has no sheet")]
    NoSheet,
}

/// The first table of a file as CSV text; `name` tells what kind of file it is.
///
/// # Errors
/// [`SpreadsheetError`] when it is no such file, or too large.
pub fn to_csv(name: &str, file: &[u8]) -> Result<String, SpreadsheetError> {
    if file.len() > MAX_BYTES {
        return Err(SpreadsheetError::TooLarge);
    }
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("csv") => Ok(text::to_csv(file, None)),
        Some("tsv") => Ok(text::to_csv(file, Some(b'\t'))),
        Some("xlsx" | "xlsm") => workbook::xlsx(file),
        Some("xls") => workbook::xls(file),
        Some("ods") => workbook::ods(file),
        _ => Err(SpreadsheetError::Kind),
    }
}

/// Appends a record to CSV text.
fn write_record<'a>(csv: &mut String, fields: impl IntoIterator<Item = &'a str>) {
    for (place, field) in fields.into_iter().enumerate() {
        if place > 0 {
            csv.push(',');
        }
        if field.starts_with(' ') || field.contains(['"', ',', '\n', '\r']) {
            csv.push('"');
            csv.push_str(&field.replace('"', "\"\""));
            csv.push('"');
        } else {
            csv.push_str(field);
        }
    }
    csv.push('\n');
}

#[cfg(test)]
mod tests;
