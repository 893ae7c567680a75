//! The file of a report: what the admin app's own files of messages have.

use content::csv::write_row;
use domain::{NotificationType, london};
use store::reports::ReportRow;
use time::{format_description::BorrowedFormatItem, macros::format_description};

const COLUMNS: [&str; 10] = [
    "Recipient",
    "Reference",
    "Template",
    "Type",
    "Sent by",
    "Sent by email",
    "Job",
    "Status",
    "Time",
    "API key name",
];
/// In London.
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// Its first line.
pub(super) fn header() -> String {
    let mut out = String::new();
    write_row(&mut out, COLUMNS);
    out
}

/// A line for each message.
pub(super) fn page(rows: &[ReportRow], channel: NotificationType) -> String {
    let mut out = String::new();
    for row in rows {
        let time = london::local(row.created_at).and_then(|at| at.format(TIME).ok());
        write_row(
            &mut out,
            [
                recipient(&row.recipient),
                text(&row.client_reference),
                text(&row.template_name),
                channel.into(),
                text(&row.created_by),
                text(&row.created_by_email),
                text(&row.job),
                row.status.in_words(channel),
                text(&time),
                text(&row.api_key),
            ],
        );
    }
    out
}

fn text(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or_default()
}

/// Of a letter's address, the first line.
fn recipient(text: &str) -> &str {
    let first = text.split(['\n', '\r']).next().unwrap_or_default();
    first.trim_start().trim_end_matches([' ', ','])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_to_the_first_line_of_its_address() {
        assert_eq!(recipient("  Ada Lovelace, \n1 High Street\nLondon"), "Ada Lovelace");
        assert_eq!(recipient("07700 900123"), "07700 900123");
        assert_eq!(recipient(""), "");
    }
}
