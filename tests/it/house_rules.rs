//! The borders between crates, checked on the sources themselves.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Crates by row; arrows only go down. A crate of a row may use those of the rows below it.
const ROWS: &[&[&str]] = &[
    &["domain", "queue", "runtime"],
    &["content", "stub"],
    &["letters"],
    &["providers", "store", "tasks", "testkit"],
    &["app"],
    &["api", "worker", "beat"],
    &["postroom", "bench"],
];

/// Arrows within a row, or narrower than the rows allow.
const ALSO: &[(&str, &str)] = &[("runtime", "domain"), ("testkit", "store")];
const NEVER: &[(&str, &str)] = &[("tasks", "store"), ("stub", "domain"), ("stub", "queue")];

/// Development crates: nothing that ships may use them.
const DEVELOPMENT: &[&str] = &["stub", "testkit", "bench"];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn crates() -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(root().join("crates"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What each crate depends on, by section of its manifest.
fn dependencies(name: &str) -> BTreeMap<String, Vec<String>> {
    let manifest = fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
    let mut sections: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut section = String::new();
    for line in manifest.lines() {
        if let Some(header) = line.strip_prefix('[') {
            section = header.trim_end_matches(']').to_owned();
        } else if let Some((dependency, _)) = line.split_once(['.', ' ', '=']) {
            sections.entry(section.clone()).or_default().push(dependency.to_owned());
        }
    }
    sections
}

fn row(name: &str) -> usize {
    ROWS.iter()
        .position(|row| row.contains(&name))
        .unwrap_or_else(|| panic!("{name} stands in no row of tests/it/house_rules.rs"))
}

/// Every Rust source below a folder.
pub(crate) fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

/// The crates that ship whose `src` holds one of the words, outside comments.
fn shipped_crates_with(words: &[&str]) -> Vec<String> {
    let holds = |text: &str| {
        text.lines().any(|line| {
            let code = line.trim_start();
            !code.starts_with("//") && words.iter().any(|word| code.contains(word))
        })
    };
    crates()
        .into_iter()
        .filter(|name| !DEVELOPMENT.contains(&name.as_str()))
        .filter(|name| {
            sources(&root().join("crates").join(name).join("src"))
                .iter()
                .any(|(_, text)| holds(text))
        })
        .collect()
}

#[test]
fn arrows_only_go_down() {
    let crates = crates();
    for name in &crates {
        for dependency in dependencies(name).remove("dependencies").unwrap_or_default() {
            if !crates.contains(&dependency) {
                continue;
            }
            let arrow = (name.as_str(), dependency.as_str());
            let down = row(&dependency) < row(name) || ALSO.contains(&arrow);
            assert!(down && !NEVER.contains(&arrow), "{name} must not use {dependency}");
            let development = DEVELOPMENT.contains(&dependency.as_str());
            assert!(!development || name == "bench", "{name} ships, {dependency} does not");
        }
    }
}

#[test]
fn queue_knows_nothing_of_us_and_beat_sees_only_its_own() {
    let ours = |name: &str| -> Vec<String> {
        let all = dependencies(name).remove("dependencies").unwrap_or_default();
        all.into_iter().filter(|dependency| crates().contains(dependency)).collect()
    };
    assert_eq!(ours("queue"), Vec::<String>::new());
    for dependency in ours("beat") {
        assert!(["domain", "queue", "runtime", "store", "tasks"].contains(&dependency.as_str()));
    }
}

#[test]
fn sql_is_only_in_store() {
    let sql = ["SELECT ", "INSERT INTO", "UPDATE notifications", "DELETE FROM"];
    assert_eq!(shipped_crates_with(&sql), ["store"]);
}

#[test]
fn only_the_api_serves_http_with_actix() {
    assert_eq!(shipped_crates_with(&["actix_web"]), ["api"]);
}

/// An `==` of secrets stops at the first difference, and so tells a patient caller where it is.
#[test]
fn secrets_are_compared_in_constant_time() {
    for (file, function) in [
        ("api/src/auth.rs", "jsonwebtoken::crypto::verify("), // tokens of services
        ("api/src/basic_auth.rs", ".ct_eq("),                 // providers' passwords
        ("domain/src/signing.rs", ".verify_slice("),          // signed texts
        ("domain/src/fernet.rs", ".verify_slice("),           // tokens of links
        ("providers/src/documents/sealed.rs", "hmac::verify("), // confirmed addresses
    ] {
        let text = fs::read_to_string(root().join("crates").join(file)).unwrap();
        assert!(text.contains(function), "{file} no longer uses {function}…)");
    }
    let names = ["secret", "password", "token", "signature", "mac", "digest"];
    let is_secret = |word: &str| {
        let word = word.trim_start_matches(['&', '*']).trim_end_matches([')', ';', ',', '{', '(']);
        names.iter().any(|name| word.ends_with(name))
    };
    for name in crates().iter().filter(|name| !DEVELOPMENT.contains(&name.as_str())) {
        for (path, text) in sources(&root().join("crates").join(name).join("src")) {
            let code = text.split("#[cfg(test)]").next().unwrap();
            for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
                let words: Vec<&str> = line.split_whitespace().collect();
                for sides in words.windows(3).filter(|words| ["==", "!="].contains(&words[1])) {
                    let is_told = is_secret(sides[0]) || is_secret(sides[2]);
                    assert!(!is_told, "{}: {line}", path.display());
                }
            }
        }
    }
}

#[test]
fn only_store_talks_to_redis_and_only_queue_to_the_broker() {
    assert_eq!(shipped_crates_with(&["fred::"]), ["store"]);
    assert_eq!(shipped_crates_with(&["lapin::"]), ["queue"]);
}

#[test]
fn every_entry_of_the_schedule_says_what_a_skipped_and_a_doubled_run_do() {
    let sources = sources(&root().join("crates/tasks/src"));
    for entry in tasks::schedule::schedule() {
        let name = format!("NAME: &'static str = \"{}\";", entry.name);
        let is_declared = |text: &&String| text.replace("=\n        ", "= ").contains(&name);
        let text = sources.iter().map(|(_, text)| text).find(is_declared).unwrap();
        let quoted = text.find(&format!("\"{}\";", entry.name)).unwrap();
        let (_, task) = text[..quoted].rsplit_once("impl Task for ").unwrap();
        let (task, _) = task.split_once(' ').unwrap();
        let (before, _) = text.split_once(&format!("pub struct {task} ")).unwrap();
        let docs: String = before
            .lines()
            .rev()
            .take_while(|line| line.starts_with("///") || line.starts_with("#["))
            .collect();
        assert!(docs.contains("skipped") && docs.contains("doubled"), "{}", entry.name);
    }
}
