//! Builds images, with whichever compiler for their target there is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Board;

const TARGET: &str = "thumbv7m-none-eabi";

/// Images on other stacks, which are a package of their own.
const PEERS: [&str; 4] = ["smoltcp_nal", "embassy_net", "bench_smoltcp_nal", "bench_embassy_net"];

/// The sources of `core` that Debian's compiler comes with.
const SOURCES: &str = "/usr/lib/rustlib/src/rust/library/core";

const MISSING: &str = "no compiler for the images: `rustup target add thumbv7m-none-eabi`, or \
                       install Debian's rustc-web, cargo-web, rust-web-src and \
                       binutils-arm-none-eabi";

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Where an image is once it was built for a board, with these features and no others.
pub fn path(bin: &str, board: Board, features: &[&str]) -> PathBuf {
    let name = [&[bin, board.name()], features].concat().join("+");
    root().join("target/firmware/images").join(name)
}

/// Builds an image for a board, with these features and no others; where it is.
///
/// # Panics
///
/// If there is no compiler, or it fails.
pub fn build(bin: &str, board: Board, features: &[&str]) -> PathBuf {
    let directory = root().join("target/firmware");
    let features_of_all = [&[board.name()], features].concat().join(",");
    let is_peer = PEERS.contains(&bin);
    let package = if is_peer { "sockstate-firmware-peers" } else { "sockstate-firmware" };
    let status = cargo()
        .current_dir(root().join("examples/firmware"))
        .args(["build", "--release", "--target", TARGET, "--target-dir"])
        .arg(&directory)
        .args([
            "--package",
            package,
            "--bin",
            bin,
            "--no-default-features",
            "--features",
            &features_of_all,
        ])
        .status()
        .unwrap_or_else(|error| panic!("cargo: {error}"));
    assert!(status.success(), "{bin} for {} with {features:?}: {status}", board.name());

    // Away from where the same image with other features comes next.
    let path = path(bin, board, features);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::copy(directory.join(TARGET).join("release").join(bin), &path).unwrap();
    path
}

/// The cargo of the toolchain in use if that has the target, with the linker that it brings;
/// otherwise Debian's, which compiles `core` itself.
fn cargo() -> Command {
    if has_target() {
        return Command::new("cargo");
    }
    assert!(Path::new(SOURCES).exists(), "{MISSING}");
    let linker = ["arm-none-eabi-ld", "ld.lld"].into_iter().find(|name| is_command(name));
    let mut cargo = Command::new("/usr/bin/cargo");
    cargo
        .env("RUSTC", "/usr/bin/rustc")
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_UNSTABLE_BUILD_STD", "core")
        .env("CARGO_TARGET_THUMBV7M_NONE_EABI_LINKER", linker.expect(MISSING));
    cargo
}

fn has_target() -> bool {
    let mut rustc = Command::new("rustc");
    rustc.current_dir(root()).args(["--print", "target-libdir", "--target", TARGET]);
    let output = rustc.output().unwrap_or_else(|error| panic!("rustc: {error}"));
    Path::new(String::from_utf8_lossy(&output.stdout).trim()).is_dir()
}

fn is_command(name: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|directory| directory.join(name).exists())
}
