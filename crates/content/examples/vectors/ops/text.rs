//! Lists in sentences, and links in text.

use content::{autolink::autolink, list::List};
use serde_json::{Value, json};

use super::{text_at, texts_at};

pub fn run(op: &str, input: &Value) -> Option<Value> {
    Some(match op {
        "formatted_list" => formatted_list(input),
        "autolink" => {
            json!({"html": autolink(text_at(input, "text"), text_at(input, "classes"))})
        }
        _ => return None,
    })
}

fn formatted_list(input: &Value) -> Value {
    let defaults = List::default();
    let text = |name: &str, default| input[name].as_str().unwrap_or(default);
    let most = input["max_items_shown"].as_u64().and_then(|most| usize::try_from(most).ok());
    let word = input["word_for_items_not_shown"].as_str();
    if most.is_some() && word.is_none() {
        // Here the type says so: both or neither.
        let error =
            "`word_for_items_not_shown` must be provided, for example \"more\" or \"others\"";
        return json!({"error": error});
    }
    let list = List {
        conjunction: text("conjunction", defaults.conjunction),
        before_each: text("before_each", defaults.before_each),
        after_each: text("after_each", defaults.after_each),
        separator: text("separator", defaults.separator),
        prefix: text("prefix", defaults.prefix),
        prefix_plural: text("prefix_plural", defaults.prefix_plural),
        most: most.zip(word),
    };
    let items: Vec<&str> = texts_at(input, "items").collect();
    json!({"text": list.format(&items)})
}
