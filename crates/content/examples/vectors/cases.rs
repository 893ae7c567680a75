//! Files of cases: what each expects, and what it gets.
//!
//! A file is a list of cases: `input` names an operation and its arguments, `expected` holds the facts
//! about its result. Every fact is compared.

use serde_json::Value;

use crate::ops;

/// How the cases of one file went.
pub struct Outcome {
    pub total: usize,
    /// For each case that failed: its name, and each fact expected and found.
    pub failures: Vec<String>,
}

/// Runs every case of a file.
///
/// # Errors
/// When it is not a list of cases.
pub fn run(text: &str) -> serde_json::Result<Outcome> {
    let cases: Vec<Value> = serde_json::from_str(text)?;
    let failures = cases.iter().filter_map(failure).collect();
    Ok(Outcome { total: cases.len(), failures })
}

/// What is wrong with a case, if anything is.
fn failure(case: &Value) -> Option<String> {
    let (name, op) = (&case["name"], case["input"]["op"].as_str().unwrap_or_default());
    let Some(actual) = ops::run(op, &case["input"]) else {
        return Some(format!("{name}: no operation {op:?}"));
    };
    let facts = case["expected"].as_object().into_iter().flatten();
    // What the reference could not tell of a file.
    let facts = facts.filter(|(_, expected)| op != "csv" || !expected.is_null());
    let wrong: Vec<String> = facts
        .filter(|(fact, expected)| !is_same(expected, &actual[fact.as_str()]))
        .map(|(fact, expected)| {
            format!(
                "    {fact}\n      expected {expected}\n      actual   {}",
                actual[fact.as_str()]
            )
        })
        .collect();
    (!wrong.is_empty()).then(|| format!("{name}\n{}", wrong.join("\n")))
}

/// Facts are the same if the JSON is; numbers, whatever their type.
fn is_same(expected: &Value, actual: &Value) -> bool {
    match (expected.as_f64(), actual.as_f64()) {
        (Some(expected), Some(actual)) => expected == actual,
        _ => expected == actual,
    }
}
