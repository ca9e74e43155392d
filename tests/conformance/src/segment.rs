//! Segments with relative numbers, as scripts write them.

use std::fmt;

use crate::parse::quote;
use crate::pattern;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags {
    pub(crate) syn: bool,
    pub(crate) fin: bool,
    pub(crate) rst: bool,
    pub(crate) psh: bool,
    pub(crate) urg: bool,
    pub(crate) ack: bool,
}

/// The options of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) mss: Option<u16>,
    pub(crate) scale: Option<u8>,
    pub(crate) sack_ok: bool,
    /// Relative to the initial number of whoever receives them.
    pub(crate) sack: Vec<(i64, i64)>,
}

/// A segment with relative numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    pub(crate) flags: Flags,
    pub(crate) start: i64,
    pub(crate) ack: Option<i64>,
    /// None if it does not matter.
    pub(crate) window: Option<u16>,
    pub(crate) options: Options,
    pub(crate) payload: Vec<u8>,
}

impl Flags {
    pub(crate) fn parse(word: &str) -> Result<Flags, String> {
        let mut flags = Flags::default();
        for letter in word.chars() {
            let flag = match letter {
                'S' => &mut flags.syn,
                'F' => &mut flags.fin,
                'R' => &mut flags.rst,
                'P' => &mut flags.psh,
                'U' => &mut flags.urg,
                '.' => &mut flags.ack,
                // For a segment without any.
                '-' => continue,
                _ => return Err(format!("`{word}` is neither a call nor the flags of a segment")),
            };
            *flag = true;
        }
        Ok(flags)
    }
}

impl Segment {
    /// The bytes of the pattern for a segment at that place: the first byte of a stream is at 1.
    pub(crate) fn pattern(start: i64, len: usize) -> Vec<u8> {
        (0..len as i64).map(|at| pattern((start - 1 + at).rem_euclid(26) as usize)).collect()
    }

    /// Whether a segment is what this one says; it need not say its window.
    pub(crate) fn is_met_by(&self, got: &Segment) -> bool {
        let window = self.window.or(got.window);
        Segment { window, ..self.clone() } == *got
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = [
            (self.syn, "S"),
            (self.fin, "F"),
            (self.rst, "R"),
            (self.psh, "P"),
            (self.urg, "U"),
            (self.ack, "."),
        ];
        let text: String = all.iter().filter(|(set, _)| *set).map(|(_, letter)| *letter).collect();
        f.write_str(if text.is_empty() { "-" } else { &text })
    }
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.payload.len();
        write!(f, "{} {}:{}({len})", self.flags, self.start, self.start + len as i64)?;
        if let Some(ack) = self.ack {
            write!(f, " ack {ack}")?;
        }
        if let Some(window) = self.window {
            write!(f, " win {window}")?;
        }
        if let Some(mss) = self.options.mss {
            write!(f, " mss {mss}")?;
        }
        if let Some(scale) = self.options.scale {
            write!(f, " wscale {scale}")?;
        }
        if self.options.sack_ok {
            f.write_str(" sackOK")?;
        }
        for (from, to) in &self.options.sack {
            write!(f, " sack {from}-{to}")?;
        }
        if self.payload != Segment::pattern(self.start, len) {
            write!(f, " {}", quote(&self.payload))?;
        }
        Ok(())
    }
}
