//! A script: its head and its lines.

use std::fmt;

use sockstate::{Deadlines, Duration, Overflow};

use crate::line::{Event, Line};
use crate::parse::{Tokens, time};

/// A script that was read.
#[derive(Debug)]
pub struct Script {
    /// As it is called in messages.
    pub name: String,
    /// `RFC 9293 3.10.7.4`.
    pub section: String,
    /// What it checks, in one sentence.
    pub sentence: String,
    pub(crate) setup: Setup,
    pub(crate) lines: Vec<Line>,
}

/// What the stack and the peer are told at first.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) ipv6: bool,
    pub(crate) slots: usize,
    pub(crate) rx: usize,
    pub(crate) tx: usize,
    pub(crate) mtu: usize,
    pub(crate) overflow: Overflow,
    pub(crate) deadlines: Deadlines,
    /// Whether the peer answers questions for its hardware address.
    pub(crate) answers: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Setup {
            ipv6: false,
            slots: 8,
            rx: 4096,
            tx: 4096,
            mtu: 1500,
            overflow: Overflow::default(),
            deadlines: Deadlines::default(),
            answers: true,
        }
    }
}

/// Why a text is not a script, and in which line.
#[derive(Debug, PartialEq, Eq)]
pub struct ParseError {
    /// As the script is called.
    pub name: String,
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.name, self.line, self.reason)
    }
}

impl Script {
    /// Reads a script.
    ///
    /// # Errors
    ///
    /// The first line that is not understood.
    pub fn parse(name: &str, text: &str) -> Result<Script, ParseError> {
        let fail = |line, reason| ParseError { name: name.to_string(), line, reason };
        let head = text.lines().next().unwrap_or_default();
        let (section, sentence) = head_line(head).map_err(|reason| fail(1, reason))?;
        let mut script = Script {
            name: name.to_string(),
            section,
            sentence,
            setup: Setup::default(),
            lines: Vec::new(),
        };
        for (number, text) in (1..).zip(text.lines()) {
            script.take_line(number, text).map_err(|reason| fail(number, reason))?;
        }
        if script.lines.is_empty() {
            return Err(fail(1, "a script without a line of what happens".into()));
        }
        Ok(script)
    }

    /// Reads the script in a file.
    ///
    /// # Errors
    ///
    /// That it cannot be read, or the first line that is not understood.
    pub fn read(path: &std::path::Path) -> Result<Script, ParseError> {
        let name = path.strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(path);
        let name = name.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Script::parse(&name, &text),
            Err(error) => Err(ParseError { name, line: 0, reason: error.to_string() }),
        }
    }

    /// How many lines want something of the stack.
    pub fn expectations(&self) -> usize {
        let wants = |line: &&Line| {
            !matches!(
                line.event,
                Event::Inject(..) | Event::Introduce | Event::Icmp(_) | Event::Anew
            )
        };
        self.lines.iter().filter(wants).count()
    }

    fn take_line(&mut self, number: usize, text: &str) -> Result<(), String> {
        let mut tokens = Tokens::read(text)?;
        if tokens.is_empty() {
            return Ok(());
        }
        if !tokens.take("config") {
            self.lines.push(Line::parse(number, text.trim(), &mut tokens)?);
        } else if self.lines.is_empty() {
            self.setup.take(&mut tokens)?;
        } else {
            return Err("`config` belongs before the first line of what happens".into());
        }
        tokens.end()
    }
}

impl Setup {
    fn take(&mut self, tokens: &mut Tokens) -> Result<(), String> {
        let word = tokens.word()?;
        match word.as_str() {
            "ipv6" => self.ipv6 = true,
            "slots" => self.slots = tokens.number()?,
            "rx" => self.rx = tokens.number()?,
            "tx" => self.tx = tokens.number()?,
            "mtu" => self.mtu = tokens.number()?,
            "overflow" => {
                tokens.expect("refuse")?;
                self.overflow = Overflow::Refuse;
            }
            "connect" => self.deadlines.connect = limit(tokens)?,
            "handshake" => self.deadlines.handshake = limit(tokens)?,
            "unreachable" => self.deadlines.unreachable = limit(tokens)?,
            "closing" => self.deadlines.closing = limit(tokens)?,
            "neighbour" => {
                tokens.expect("silent")?;
                self.answers = false;
            }
            _ => return Err(format!("`{word}` is nothing that can be configured")),
        }
        Ok(())
    }
}

/// A time, or `off`.
pub(crate) fn limit(tokens: &mut Tokens) -> Result<Option<Duration>, String> {
    if tokens.take("off") { Ok(None) } else { time(&tokens.word()?).map(Some) }
}

/// `# RFC 9293 3.5: A sentence.`
fn head_line(head: &str) -> Result<(String, String), String> {
    const WANTED: &str = "the first line is to be `# RFC <number> <section>: <sentence>.`";
    let (section, sentence) =
        head.strip_prefix("# ").and_then(|head| head.split_once(": ")).ok_or(WANTED)?;
    let mut words = section.split(' ');
    let is_number = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    let is_section = |word: &str| word.split('.').all(is_number);
    let well_formed = words.next() == Some("RFC")
        && words.next().is_some_and(is_number)
        && words.next().is_some_and(is_section)
        && words.next().is_none()
        && sentence.ends_with('.');
    if well_formed { Ok((section.into(), sentence.into())) } else { Err(WANTED.into()) }
}
