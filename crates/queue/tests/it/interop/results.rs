//! What needs the result of a task, which we do not give.

use std::collections::BTreeMap;

use super::{
    Version,
    notes::{drain, letters},
    with_each_celery,
};
use crate::support::TestBroker;

with_each_celery!(whatever_waits_for_a_result_is_a_dead_letter);

async fn whatever_waits_for_a_result_is_a_dead_letter(version: Version) {
    let t = TestBroker::start().await;
    let script = r#"
from app import *
from celery import chain, chord, group

app.conf.result_backend = "cache+memory://"

chain(note.s("chain"), note.si("second")).delay()
note.apply_async(("link",), link=note.s())
note.apply_async(("link_error",), link_error=note.s())
chord([note.s("chord"), note.s("chord")])(note.s())
group(note.s("group"), note.s("group")).delay()
group(chain(note.s("chains"), note.s("second")), note.s("chains")).delay()
note.map(["map"]).delay()

group(note.s("ignored"), note.s("ignored")).apply_async(ignore_result=True)
note.delay("plain")
"#;
    version.beside(&t).python(script).await;
    let run: Vec<_> = drain(&t).await.into_iter().map(|note| note.value).collect();
    assert_eq!(run, ["ignored", "ignored", "plain"]);
    let mut reasons = BTreeMap::new();
    for letter in letters(&t).await {
        *reasons.entry((letter.task.unwrap(), letter.reason)).or_insert(0) += 1;
    }
    let expected = [(("celery.map", "unknown"), 1), (("note", "expects-result"), 9)];
    let expected =
        expected.map(|((task, reason), count)| ((task.to_owned(), reason.to_owned()), count));
    assert_eq!(reasons, BTreeMap::from(expected));
    t.stop().await;
}
