//! Workbooks: the cells of their first sheet.

use std::{borrow::Cow, io::Cursor};

use calamine::{Data, Error, Ods, Range, Reader, Xls, Xlsx};

use super::{SpreadsheetError, bounds, write_record};

/// Most cells of a row that are kept; the columns of a message are far fewer.
const MAX_COLUMNS: usize = 1000;
/// Most rows of a sheet, empty ones included.
const MAX_ROWS: u32 = 1_048_576;

/// A new Excel file, cell by cell: its sheets can be large and hold little.
pub(super) fn xlsx(file: &[u8]) -> Result<String, SpreadsheetError> {
    bounds::check_zip(file)?;
    let mut book: Xlsx<_> = calamine::open_workbook_from_rs(Cursor::new(file)).map_err(damaged)?;
    let name = book.sheet_names().first().cloned().ok_or(SpreadsheetError::NoSheet)?;
    let mut cells = book.worksheet_cells_reader(&name).map_err(damaged)?;
    let mut table = Table::default();
    while let Some(cell) = cells.next_cell().map_err(damaged)? {
        let (row, column) = cell.get_position();
        table.add(row, column, &text(&Data::from(cell.get_value().clone())))?;
    }
    Ok(table.finish())
}

/// An old Excel file.
pub(super) fn xls(file: &[u8]) -> Result<String, SpreadsheetError> {
    bounds::check_xls(file)?;
    let mut book: Xls<_> = calamine::open_workbook_from_rs(Cursor::new(file)).map_err(damaged)?;
    let sheet = book.worksheet_range_at(0).ok_or(SpreadsheetError::NoSheet)?.map_err(damaged)?;
    from_range(&sheet)
}

/// A file of OpenOffice and its like. The library bounds its cells.
pub(super) fn ods(file: &[u8]) -> Result<String, SpreadsheetError> {
    bounds::check_zip(file)?;
    let mut book: Ods<_> = calamine::open_workbook_from_rs(Cursor::new(file)).map_err(damaged)?;
    let sheet = book.worksheet_range_at(0).ok_or(SpreadsheetError::NoSheet)?.map_err(damaged)?;
    from_range(&sheet)
}

fn damaged(error: impl Into<Error>) -> SpreadsheetError {
    SpreadsheetError::Damaged(error.into())
}

fn from_range(range: &Range<Data>) -> Result<String, SpreadsheetError> {
    let mut table = Table::default();
    let (top, left) = range.start().unwrap_or_default();
    for (row, column, value) in range.used_cells() {
        let place =
            |from: u32, at: usize| from.saturating_add(u32::try_from(at).unwrap_or(u32::MAX));
        table.add(place(top, row), place(left, column), &text(value))?;
    }
    Ok(table.finish())
}

/// CSV text that is written row by row.
#[derive(Default)]
struct Table {
    csv: String,
    row: u32,
    fields: Vec<String>,
}

impl Table {
    /// Adds a cell. They come row by row.
    fn add(&mut self, row: u32, column: u32, text: &str) -> Result<(), SpreadsheetError> {
        if text.is_empty() {
            return Ok(());
        }
        if row >= MAX_ROWS {
            return Err(SpreadsheetError::TooLarge);
        }
        while self.row < row {
            self.end_row();
        }
        let Ok(column) = usize::try_from(column) else { return Ok(()) };
        if column < MAX_COLUMNS {
            if self.fields.len() <= column {
                self.fields.resize(column + 1, String::new());
            }
            text.clone_into(&mut self.fields[column]);
        }
        Ok(())
    }

    fn end_row(&mut self) {
        write_record(&mut self.csv, self.fields.iter().map(String::as_str));
        self.fields.clear();
        self.row += 1;
    }

    fn finish(mut self) -> String {
        self.end_row();
        self.csv
    }
}

/// A cell as it would be typed: whole numbers without a decimal point (a phone number is one), days
/// as `2026-11-25`.
fn text(value: &Data) -> Cow<'_, str> {
    match value {
        Data::Empty | Data::Error(_) => Cow::Borrowed(""),
        Data::String(text) | Data::DateTimeIso(text) | Data::DurationIso(text) => text.into(),
        Data::Int(number) => number.to_string().into(),
        Data::Float(number) => number.to_string().into(),
        Data::Bool(true) => Cow::Borrowed("True"),
        Data::Bool(false) => Cow::Borrowed("False"),
        Data::DateTime(moment) if moment.is_duration() => moment.as_f64().to_string().into(),
        Data::DateTime(moment) => {
            let (year, month, day, hour, minute, second, _) = moment.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) == (0, 0, 0) {
                date.into()
            } else {
                format!("{date} {hour:02}:{minute:02}:{second:02}").into()
            }
        }
    }
}
