//! The memory of the board, and the interrupt that images may handle, for the linker.

use std::{env, fs, path::PathBuf};

/// On every board, though mps2-an385 has 4 MiB of either: the linker then refuses what a small device
/// could not hold.
const MEMORY: &str = "MEMORY {
    FLASH : ORIGIN = 0x00000000, LENGTH = 256K
    RAM : ORIGIN = 0x20000000, LENGTH = 64K
}
";

fn main() {
    let out = PathBuf::from(env::var("OUT_DIR").unwrap());
    fs::write(out.join("memory.x"), MEMORY).unwrap();
    fs::write(out.join("device.x"), "PROVIDE(Ethernet = DefaultHandler);\n").unwrap();
    println!("cargo:rustc-link-search={}", out.display());
    println!("cargo:rustc-link-arg-bins=-Tlink.x");
    if env::var("CARGO_FEATURE_DEFMT").is_ok() {
        println!("cargo:rustc-link-arg-bins=-Tdefmt.x");
    }
    println!("cargo:rustc-link-arg-bins=--nmagic");
    println!("cargo:rerun-if-changed=build.rs");
}
