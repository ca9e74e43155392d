//! The memory of the board, and the interrupt that images may handle, for the linker.

use std::{env, fs, path::PathBuf};

/// 256 KiB of flash and 64 KiB of RAM on every board, though mps2-an385 has 4 MiB of either: the
/// linker then refuses what a small device could not hold.
const MEMORY: [(&str, &str); 2] = [
    (
        "MPS2_AN385",
        "FLASH : ORIGIN = 0x00000000, LENGTH = 256K\n RAM : ORIGIN = 0x20000000, LENGTH = 64K",
    ),
    (
        "LM3S6965EVB",
        "FLASH : ORIGIN = 0x00000000, LENGTH = 256K\n RAM : ORIGIN = 0x20000000, LENGTH = 64K",
    ),
];

fn main() {
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    let memory = MEMORY
        .iter()
        .find(|(board, _)| env::var(format!("CARGO_FEATURE_{board}")).is_ok())
        .map(|(_, memory)| memory)
        .expect("a board: one of the features mps2-an385 and lm3s6965evb");
    fs::write(out.join("memory.x"), format!("MEMORY {{\n {memory}\n}}\n")).unwrap();
    fs::write(out.join("device.x"), "PROVIDE(Ethernet = DefaultHandler);\n").unwrap();
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    if env::var("CARGO_FEATURE_DEFMT").is_ok() {
        println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    }
    println!("cargo:rustc-link-arg-bins=--nmagic");
    println!("cargo:rerun-if-changed=build.rs");
}
