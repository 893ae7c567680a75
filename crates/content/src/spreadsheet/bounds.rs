//! How much a workbook would take once it is unpacked, found without unpacking it.
//!
//! The library that reads workbooks makes room for the whole rectangle between the first and the last
//! cell of a sheet: a file of a few hundred bytes can ask for more memory than there is.

use std::io::{self, Cursor, Read};

use super::SpreadsheetError;

/// Most bytes that the parts of a workbook may have together.
const MAX_UNPACKED_BYTES: u64 = 512 << 20;
/// Most cells of all sheets together, empty ones included.
const MAX_CELLS: u64 = 5_000_000;

/// The kinds of record in an old Excel file that stand for a cell: each starts with row and column.
const CELLS: [u16; 10] =
    [0x0006, 0x00BD, 0x00BE, 0x00D6, 0x00FD, 0x0201, 0x0203, 0x0204, 0x0205, 0x027E];
/// The record that starts a sheet, or another part of the file.
const START: u16 = 0x0809;

/// Unpacks every part of a zip file into nothing, and counts: what it says of their sizes may be wrong.
pub(super) fn check_zip(file: &[u8]) -> Result<(), SpreadsheetError> {
    let mut archive = zip::ZipArchive::new(Cursor::new(file)).map_err(io::Error::from)?;
    let mut left = MAX_UNPACKED_BYTES;
    for index in 0..archive.len() {
        let part = archive.by_index(index).map_err(io::Error::from)?;
        let unpacked = io::copy(&mut part.take(left + 1), &mut io::sink())?;
        left = left.checked_sub(unpacked).ok_or(SpreadsheetError::TooLarge)?;
    }
    Ok(())
}

/// Adds up the rectangles of all sheets of an old Excel file.
pub(super) fn check_xls(file: &[u8]) -> Result<(), SpreadsheetError> {
    let mut compound = cfb::CompoundFile::open(Cursor::new(file))?;
    let mut stream = Vec::new();
    let name = if compound.exists("/Workbook") { "/Workbook" } else { "/Book" };
    compound.open_stream(name)?.take(file.len() as u64).read_to_end(&mut stream)?;
    let (mut cells, mut sheet) = (0, Rectangle::default());
    let mut rest = stream.as_slice();
    while let Some((kind, data, after)) = record(rest) {
        rest = after;
        if kind == START {
            cells += std::mem::take(&mut sheet).area();
        } else if CELLS.contains(&kind)
            && let [row_low, row_high, column_low, column_high, ..] = *data
        {
            sheet.add(
                u16::from_le_bytes([row_low, row_high]),
                u16::from_le_bytes([column_low, column_high]),
            );
            // A record of several cells ends with the column of its last.
            if let (0x00BD | 0x00BE, [.., low, high]) = (kind, data) {
                sheet.add(
                    u16::from_le_bytes([row_low, row_high]),
                    u16::from_le_bytes([*low, *high]),
                );
            }
        }
    }
    if cells + sheet.area() > MAX_CELLS { Err(SpreadsheetError::TooLarge) } else { Ok(()) }
}

/// A record: its kind, its data, and what comes after it.
fn record(stream: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let (head, rest) = stream.split_first_chunk::<4>()?;
    let length = u16::from_le_bytes([head[2], head[3]]).into();
    let (data, rest) = rest.split_at_checked(length)?;
    Some((u16::from_le_bytes([head[0], head[1]]), data, rest))
}

/// The rows and columns between the first and the last cell of a sheet.
#[derive(Default)]
struct Rectangle(Option<[(u16, u16); 2]>);

impl Rectangle {
    fn add(&mut self, row: u16, column: u16) {
        let [(top, bottom), (left, right)] = self.0.unwrap_or([(row, row), (column, column)]);
        self.0 = Some([(top.min(row), bottom.max(row)), (left.min(column), right.max(column))]);
    }

    fn area(&self) -> u64 {
        let length = |(from, to): (u16, u16)| u64::from(to - from) + 1;
        self.0.map_or(0, |[rows, columns]| length(rows) * length(columns))
    }
}
