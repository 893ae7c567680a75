//! Files of rows, for spreadsheets: what Python's `csv` writes.

/// Adds a row: values that hold a comma, a quote or the end of a line are quoted, and the row ends with
/// CR LF.
pub fn write_row<'a>(out: &mut String, values: impl IntoIterator<Item = &'a str>) {
    for (index, value) in values.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if value.contains([',', '"', '\r', '\n']) {
            out.push('"');
            out.push_str(&value.replace('"', "\"\""));
            out.push('"');
        } else {
            out.push_str(value);
        }
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_they_must_be() {
        let mut out = String::new();
        write_row(&mut out, ["Ada", "", " a b ", "1, High Street", "say \"hi\"", "two\nlines"]);
        write_row(&mut out, ["’"]);
        assert_eq!(out, "Ada,, a b ,\"1, High Street\",\"say \"\"hi\"\"\",\"two\nlines\"\r\n’\r\n");
    }
}
