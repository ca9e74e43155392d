//! A gallery of mistakes: what does not compile, what the compiler says, and the repair.
//!
//! The same pages are the documentation of `sockstate::wrong`, where every one of them is tested.
//!
//! ```sh
//! cargo run --example wrong       # all of them
//! cargo run --example wrong 6     # the sixth
//! ```

use std::process::ExitCode;

const GALLERY: &str = include_str!("wrong.md");

/// The pages: what stands under each title, without the lines that only its test needs.
fn pages() -> impl Iterator<Item = String> {
    GALLERY.split("\n## ").skip(1).map(|page| {
        let mut in_code = false;
        let shown = page.lines().filter(|line| {
            if line.starts_with("```") {
                in_code = !in_code;
                return false;
            }
            !(in_code && line.starts_with("# "))
        });
        shown.collect::<Vec<_>>().join("\n")
    })
}

fn main() -> ExitCode {
    let Some(wanted) = std::env::args().nth(1) else {
        for page in pages() {
            println!("{page}\n");
        }
        return ExitCode::SUCCESS;
    };
    let start = format!("{wanted}. ");
    match pages().find(|page| page.starts_with(&start)) {
        Some(page) => {
            println!("{page}");
            ExitCode::SUCCESS
        }
        None => {
            eprintln!("no mistake number {wanted}: there are {}", pages().count());
            ExitCode::FAILURE
        }
    }
}
