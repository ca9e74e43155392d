//! What sockets take in memory, as `tests/sizes` says.

use std::process::Command;

use crate::count::output;

/// Bytes: sockstate's, and bare smoltcp's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    pub ours: usize,
    pub bare: usize,
}

/// Of one socket, without its buffers, and of a stack without sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    pub tcp: Bytes,
    pub udp: Bytes,
    pub fixed: Bytes,
}

impl Sizes {
    /// What a build of `tests/sizes` says.
    pub fn of(program: &str) -> Result<Sizes, String> {
        let printed = output(&mut Command::new(program))?;
        Sizes::parse(&String::from_utf8_lossy(&printed.stdout))
            .ok_or_else(|| format!("{program} does not say the sizes"))
    }

    fn parse(printed: &str) -> Option<Sizes> {
        let find = |name: &str| {
            let line = printed.lines().find_map(|line| line.strip_prefix(name))?;
            let (ours, bare) = line.trim().split_once(' ')?;
            Some(Bytes { ours: ours.parse().ok()?, bare: bare.parse().ok()? })
        };
        Some(Sizes { tcp: find("tcp ")?, udp: find("udp ")?, fixed: find("fixed ")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_by_their_names() {
        let sizes = Sizes::parse("tcp 520 472\nudp 530 472\nfixed 900 608\n").unwrap();
        assert_eq!(sizes.udp, Bytes { ours: 530, bare: 472 });
        assert_eq!(Sizes::parse("tcp 520 472\n"), None);
    }
}
