//! Runs scripts, and prints what happened in each.

use std::path::Path;
use std::process::ExitCode;

use sockstate_conformance::{Script, run};

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: sockstate-conformance FILE..");
        return ExitCode::FAILURE;
    }
    let mut code = ExitCode::SUCCESS;
    for file in &files {
        let result =
            Script::read(Path::new(file)).map_err(|error| error.to_string()).and_then(|script| {
                println!("# {}: {}", script.section, script.sentence);
                run(&script).map_err(|failure| failure.to_string())
            });
        match result {
            Ok(transcript) => println!("{transcript}"),
            Err(failure) => {
                println!("{failure}");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}
