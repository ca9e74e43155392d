//! Runs images in QEMU.

use std::path::Path;
use std::process::Command;

use crate::{Board, Process};

/// How a machine is started, beside its board and its image.
#[derive(Default)]
pub struct Setup<'a> {
    /// Which ports of the host are the guest's, as QEMU's `hostfwd` wants them.
    pub forwards: &'a [&'a str],
    /// The image's command line.
    pub arguments: &'a [&'a str],
    /// Further options of QEMU.
    pub options: &'a [&'a str],
}

/// An image that runs. It is killed when this is dropped.
pub struct Machine(Process);

impl Machine {
    /// Starts an image.
    pub fn start(board: Board, image: &Path, setup: &Setup) -> Self {
        let name = image.file_name().unwrap_or_default().to_string_lossy();
        Machine(Process::start(&name, &mut command(board, image, setup)))
    }

    /// Waits until the image has printed a line that contains a text.
    pub fn wait_for(&self, text: &str) {
        self.0.wait_for(text);
    }

    /// Waits until the image has ended, which must be with success; what it has printed.
    pub fn finish(self) -> Vec<String> {
        without_own(self.0.finish())
    }

    /// Waits until the image has ended, which must be with a failure; what it has printed.
    pub fn fail(self) -> Vec<String> {
        without_own(self.0.fail())
    }
}

/// QEMU with an image, and a network in which the host is 10.0.2.2, and the image 10.0.2.15 once it
/// has asked for an address.
pub fn command(board: Board, image: &Path, setup: &Setup) -> Command {
    let mut semihosting = String::from("enable=on,target=native");
    for argument in setup.arguments {
        semihosting.push_str(&format!(",arg={argument}"));
    }
    let mut network = String::from("user");
    for forward in setup.forwards {
        network.push_str(&format!(",hostfwd={forward}"));
    }
    let mut command = Command::new("qemu-system-arm");
    command.args(["-M", board.name(), "-display", "none", "-monitor", "none"]);
    command.args(["-serial", "none", "-semihosting-config", &semihosting]);
    command.args(["-nic", &network]).args(setup.options).arg("-kernel").arg(image);
    command
}

/// Leaves out what QEMU itself says of lm3s6965evb before the image starts.
fn without_own(mut lines: Vec<String>) -> Vec<String> {
    lines.retain(|line| line != "Timer with period zero, disabling");
    lines
}
