//! The recorded behaviour of the reference, against this crate.

use std::{fs, path::Path};

use crate::cases;

#[test]
fn vectors() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/vectors");
    let mut failures = Vec::new();
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        let outcome = cases::run(&fs::read_to_string(&file).unwrap()).unwrap();
        assert!(outcome.total > 0, "{} has no cases", file.display());
        failures.extend(outcome.failures.iter().map(|one| format!("{}: {one}", file.display())));
        files += 1;
    }
    assert_eq!(files, 17);
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
