//! Builds the images that `tests/images.rs` runs: all, or those with one of the names.

use std::env;

use sockstate_firmware_tests::{Board, IMAGES};

fn main() {
    let names: Vec<String> = env::args().skip(1).collect();
    // Tests are called after their images.
    let is_named = |bin| names.iter().any(|name| name.contains(bin) || str::contains(bin, name));
    for image in IMAGES {
        if names.is_empty() || is_named(image.bin) {
            for board in Board::ALL {
                image.build(board);
            }
        }
    }
}
