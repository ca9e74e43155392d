//! What the programs' sources must not say.

use std::fs;
use std::path::Path;

/// The clients get on by the traits alone: no program and nothing that they share polls the stack.
/// The polls that there are belong to the clients.
#[test]
fn nothing_polls_the_stack() {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut sources = 0;
    for directory in [package.to_path_buf(), package.join("src")] {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "rs") {
                continue;
            }
            sources += 1;
            let source = fs::read_to_string(&path).unwrap();
            for polled in ["net.poll(", "stack.poll(", "Net::poll(", "near.poll("] {
                assert!(!source.contains(polled), "{}: {polled}", path.display());
            }
        }
    }
    assert!(sources >= 10, "only {sources} sources found");
}
