//! Runs the cases of every JSON file of a folder:
//! `cargo run --release -p content --example vectors -- FOLDER`
//!
//! Prints `FILE PASSED/TOTAL` for each, and each case that fails; exits with 1 if one did.

mod cases;
mod ops;

use std::{fs, path::PathBuf, process::ExitCode};

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: vectors FOLDER")?;
    let mut files: Vec<PathBuf> = fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let mut all_passed = true;
    for file in &files {
        let outcome = cases::run(&fs::read_to_string(file)?)?;
        let name = file.file_name().unwrap_or_default().display();
        println!("{name} {}/{}", outcome.total - outcome.failures.len(), outcome.total);
        for failure in &outcome.failures {
            println!("  {failure}");
        }
        all_passed &= outcome.failures.is_empty();
    }
    Ok(if all_passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
