//! Days, bank holidays and the timings of letters.

use serde_json::Value;

pub fn run(_op: &str, _input: &Value) -> Option<Value> {
    None
}
