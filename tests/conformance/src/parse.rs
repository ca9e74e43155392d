//! Words, quoted text, numbers and times.

use std::collections::VecDeque;

use sockstate::Duration;

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Word(String),
    Text(Vec<u8>),
}

/// What is left to be read of a line.
#[derive(Debug)]
pub(crate) struct Tokens(VecDeque<Token>);

impl Tokens {
    /// Splits a line; what follows a `#` is a comment.
    pub(crate) fn read(line: &str) -> Result<Tokens, String> {
        let mut tokens = VecDeque::new();
        let mut rest = line.trim_start();
        while !rest.is_empty() && !rest.starts_with('#') {
            if let Some(quoted) = rest.strip_prefix('"') {
                let (text, after) = quoted_text(quoted)?;
                tokens.push_back(Token::Text(text));
                rest = after.trim_start();
            } else {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                tokens.push_back(Token::Word(word.into()));
                rest = after.trim_start();
            }
        }
        Ok(Tokens(tokens))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn is_next(&self, word: &str) -> bool {
        matches!(self.0.front(), Some(Token::Word(next)) if next == word)
    }

    /// Whether the next one is this word; if so, it is read.
    pub(crate) fn take(&mut self, word: &str) -> bool {
        let found = self.is_next(word);
        if found {
            self.0.pop_front();
        }
        found
    }

    /// The next word, if it begins like this, without that.
    pub(crate) fn take_after(&mut self, prefix: &str) -> Option<String> {
        let rest = match self.0.front()? {
            Token::Word(word) => word.strip_prefix(prefix)?.to_string(),
            Token::Text(_) => return None,
        };
        self.0.pop_front();
        Some(rest)
    }

    /// The next one, if it is a quoted text.
    pub(crate) fn take_text(&mut self) -> Option<Vec<u8>> {
        match self.0.pop_front()? {
            Token::Text(text) => Some(text),
            word => {
                self.0.push_front(word);
                None
            }
        }
    }

    pub(crate) fn word(&mut self) -> Result<String, String> {
        match self.0.pop_front() {
            Some(Token::Word(word)) => Ok(word),
            Some(Token::Text(_)) => Err("a text where a word is wanted".into()),
            None => Err("something is missing at the end of the line".into()),
        }
    }

    pub(crate) fn expect(&mut self, word: &str) -> Result<(), String> {
        let found = self.word()?;
        if found == word { Ok(()) } else { Err(format!("`{found}` in place of `{word}`")) }
    }

    pub(crate) fn number<N: std::str::FromStr>(&mut self) -> Result<N, String> {
        number(&self.word()?)
    }

    /// Takes all that follows a word away.
    pub(crate) fn split_off(&mut self, word: &str) -> Option<Tokens> {
        let at = self.0.iter().position(|token| *token == Token::Word(word.into()))?;
        let mut rest = self.0.split_off(at);
        rest.pop_front();
        Some(Tokens(rest))
    }

    /// That nothing is left.
    pub(crate) fn end(&mut self) -> Result<(), String> {
        match self.0.pop_front() {
            None => Ok(()),
            Some(Token::Word(word)) => Err(format!("`{word}` is not understood here")),
            Some(Token::Text(_)) => Err("a text is not understood here".into()),
        }
    }
}

/// A text up to its closing quote, and what follows that.
fn quoted_text(quoted: &str) -> Result<(Vec<u8>, &str), String> {
    let mut text = Vec::new();
    let mut chars = quoted.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '"' => return Ok((text, &quoted[at + 1..])),
            '\\' => text.push(match chars.next() {
                Some((_, '0')) => 0,
                Some((_, 'n')) => b'\n',
                Some((_, '"')) => b'"',
                Some((_, '\\')) => b'\\',
                _ => return Err("the escapes are `\\0`, `\\n`, `\\\"` and `\\\\`".into()),
            }),
            char if char.is_ascii() => text.push(char as u8),
            _ => return Err("a text is of ASCII".into()),
        }
    }
    Err("a text without its closing quote".into())
}

/// As [`quoted_text`] reads it.
pub(crate) fn quote(text: &[u8]) -> String {
    let mut quoted = String::from("\"");
    for byte in text {
        match byte {
            0 => quoted.push_str("\\0"),
            b'\n' => quoted.push_str("\\n"),
            b'"' => quoted.push_str("\\\""),
            b'\\' => quoted.push_str("\\\\"),
            byte => quoted.push(char::from(*byte)),
        }
    }
    quoted.push('"');
    quoted
}

pub(crate) fn number<N: std::str::FromStr>(word: &str) -> Result<N, String> {
    word.parse().map_err(|_| format!("`{word}` is not a number that is possible here"))
}

/// `0`, `250us`, `10ms`, `1.5s`.
pub(crate) fn time(word: &str) -> Result<Duration, String> {
    const UNITS: [(&str, f64); 3] = [("us", 1.0), ("ms", 1e3), ("s", 1e6)];
    if word == "0" {
        return Ok(Duration::ZERO);
    }
    UNITS
        .iter()
        .find_map(|(unit, micros)| Some((word.strip_suffix(unit)?, micros)))
        .and_then(|(count, micros)| Some(count.parse::<f64>().ok()? * micros))
        .filter(|micros| *micros >= 0.0)
        .map(|micros| Duration::from_micros(micros.round() as u64))
        .ok_or_else(|| format!("`{word}` is not a time: `0`, `250us`, `10ms`, `1.5s`"))
}
