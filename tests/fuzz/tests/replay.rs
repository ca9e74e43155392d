//! Every input of the corpora and every one that has failed once, without a fuzzer.

use std::fs;
use std::path::{Path, PathBuf};

/// The fewest inputs of a target: without them nothing would be tested.
const FEWEST: usize = 40;

/// Says which input fails.
struct Running(PathBuf);

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("fails with {}", self.0.display());
        }
    }
}

fn replay(target: &str, run: fn(&[u8])) {
    let mut inputs = 0;
    for kind in ["corpus", "regressions"] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(kind).join(target);
        for entry in fs::read_dir(directory).into_iter().flatten() {
            let running = Running(entry.unwrap().path());
            run(&fs::read(&running.0).unwrap());
            inputs += 1;
        }
    }
    assert!(inputs >= FEWEST, "{inputs} inputs");
}

#[test]
fn answers() {
    replay("answers", sockstate_fuzz::answers);
}

#[test]
fn calls() {
    replay("calls", sockstate_fuzz::calls);
}

#[test]
fn frames() {
    replay("frames", sockstate_fuzz::frames);
}

#[test]
fn router() {
    replay("router", sockstate_fuzz::router);
}
