//! Builds all images that `tests/images.rs` runs.

use sockstate_firmware_tests::{Board, IMAGES};

fn main() {
    for image in IMAGES {
        for board in Board::ALL {
            image.build(board);
        }
    }
}
