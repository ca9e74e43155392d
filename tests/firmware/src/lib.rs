//! Builds the images of examples/firmware, and runs them in QEMU.

pub mod build;
#[allow(dead_code)] // Not all of it is needed here.
#[path = "../../../examples/clients/tests/servers/process.rs"]
mod process;
pub mod qemu;

use std::path::PathBuf;

use process::Process;
use qemu::{Machine, Setup};

/// The boards on which images run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Board {
    Mps2An385,
    Lm3s6965evb,
}

impl Board {
    pub const ALL: [Board; 2] = [Board::Mps2An385, Board::Lm3s6965evb];

    /// What it is called by QEMU, and by the images' feature.
    pub fn name(self) -> &'static str {
        match self {
            Board::Mps2An385 => "mps2-an385",
            Board::Lm3s6965evb => "lm3s6965evb",
        }
    }
}

/// An image, with its features beside the board's.
pub struct Image {
    pub bin: &'static str,
    pub features: &'static [&'static str],
}

/// Those that the tests run.
pub const IMAGES: [Image; 6] = [
    Image { bin: "quickstart", features: &["semihosting", "udp", "dhcp", "dns"] },
    Image { bin: "http", features: &["semihosting", "dhcp"] },
    Image { bin: "mqtt", features: &["semihosting", "mqtt"] },
    Image { bin: "async", features: &["semihosting", "async"] },
    Image { bin: "interrupt", features: &["semihosting", "interrupt"] },
    BY_DEFMT,
];

/// One that says what it has to say in frames of defmt.
pub const BY_DEFMT: Image = Image { bin: "quickstart", features: &["defmt", "udp", "dhcp", "dns"] };

impl Image {
    /// Builds it; where it is.
    pub fn build(&self, board: Board) -> PathBuf {
        build::build(self.bin, board, self.features)
    }

    /// Where it is, which was built before.
    pub fn path(&self, board: Board) -> PathBuf {
        build::path(self.bin, board, self.features)
    }

    /// Starts it, which was built before. `forwards` are ports of the host that are the guest's, as
    /// QEMU's `hostfwd` wants them.
    pub fn start(&self, board: Board, forwards: &[&str]) -> Machine {
        Machine::start(board, &self.path(board), &Setup { forwards, ..Setup::default() })
    }
}
