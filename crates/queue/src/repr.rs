//! Arguments as they are displayed: in the headers `argsrepr` and `kwargsrepr`.

use serde_json::{Map, Value};
use uuid::Uuid;

/// Celery cuts the displayed arguments here.
const MAX_REPR_CHARS: usize = 1024;

/// Positional arguments, as a Python tuple.
pub(crate) fn args_repr(args: &[Value]) -> String {
    let shown: Vec<_> = args.iter().map(repr).collect();
    cut(match shown.as_slice() {
        [only] => format!("({only},)"),
        _ => format!("({})", shown.join(", ")),
    })
}

/// Arguments by name, as a Python dict.
pub(crate) fn kwargs_repr(kwargs: &Map<String, Value>) -> String {
    let shown: Vec<_> =
        kwargs.iter().map(|(name, value)| format!("'{name}': {}", repr(value))).collect();
    cut(format!("{{{}}}", shown.join(", ")))
}

/// One argument as Python would print it, if it cannot be personal data: ids, dates, short numbers,
/// flags. Anything else is `...`: these texts end in event streams and operators' screens.
fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) if number.as_i64().is_some_and(|n| n.unsigned_abs() < 1_000_000) => {
            number.to_string()
        }
        Value::String(text) if is_id_or_date(text) => format!("'{text}'"),
        _ => "...".to_owned(),
    }
}

fn is_id_or_date(text: &str) -> bool {
    let is_date = || {
        let bytes = text.as_bytes();
        bytes.len() == 10
            && bytes.iter().enumerate().all(|(at, byte)| {
                if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() }
            })
    };
    (text.len() == 36 && Uuid::try_parse(text).is_ok()) || is_date()
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(MAX_REPR_CHARS) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_ids_dates_and_small_values_are_displayed() {
        let id = "c5956607-20b1-48b4-8983-85d11404e61f";
        let args = [json!(id), json!("2022-05-02"), json!(7), json!(null), json!("07700900123")];
        assert_eq!(args_repr(&args), format!("('{id}', '2022-05-02', 7, None, ...)"));
        assert_eq!(args_repr(&[json!(true)]), "(True,)");
        let kwargs = Map::from_iter([("to".to_owned(), json!({"name": "Ada"}))]);
        assert_eq!(kwargs_repr(&kwargs), "{'to': ...}");
        assert_eq!(cut("é".repeat(2000)).chars().count(), 1024);
    }
}
