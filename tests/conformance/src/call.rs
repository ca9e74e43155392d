//! Calls of the program, and their outcomes.

use std::fmt;

use sockstate::smoltcp::socket::tcp::State;
use sockstate::{Duration, Error, Protocol};

use crate::parse::{Tokens, quote};
use crate::pattern;
use crate::script::limit;

#[derive(Clone, Debug)]
pub(crate) enum Call {
    Listen { port: u16, backlog: u16 },
    Unlisten,
    Accept,
    Connect { port: u16, from: Option<u16> },
    Connected,
    Send(Data),
    Receive { wanted: Data, at_most: usize },
    Flush,
    Shutdown,
    Close,
    Closed,
    Abort,
    Drop,
    KeepAlive(Option<Duration>),
    Timeout(Option<Duration>),
    AckDelay(Option<Duration>),
    Nagle(bool),
    State,
    Free,
}

/// What is sent or received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    Text(Vec<u8>),
    /// So many bytes of the pattern, from the place on that the stream has come to.
    Pattern(usize),
}

/// What a call comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    WouldBlock,
    Error(Error),
    Count(usize),
    Received(Data),
    State(State),
}

/// What a script can expect by name.
const ERRORS: [(&str, Error); 12] = [
    ("Error::Refused", Error::Refused),
    ("Error::Unreachable", Error::Unreachable),
    ("Error::Reset", Error::Reset),
    ("Error::TimedOut", Error::TimedOut),
    ("Error::PeerClosed", Error::PeerClosed),
    ("Error::AddressLost", Error::AddressLost),
    ("Error::LinkDown", Error::LinkDown),
    ("Error::Unaddressable", Error::Unaddressable),
    ("Error::NoRoute", Error::NoRoute),
    ("Error::AddressInUse", Error::AddressInUse),
    ("Error::PortZero", Error::PortZero),
    ("Error::OutOfSlots", Error::OutOfSlots(Protocol::Tcp)),
];

const STATES: [State; 11] = [
    State::Closed,
    State::Listen,
    State::SynSent,
    State::SynReceived,
    State::Established,
    State::FinWait1,
    State::FinWait2,
    State::CloseWait,
    State::Closing,
    State::LastAck,
    State::TimeWait,
];

impl Call {
    /// A call and what it is to come to.
    pub(crate) fn parse(tokens: &mut Tokens) -> Result<(Call, Outcome), String> {
        let word = tokens.word()?;
        let mut outcome = Outcome::Done;
        let call = match word.as_str() {
            "listen" => {
                let port = tokens.number()?;
                tokens.expect("backlog")?;
                Call::Listen { port, backlog: tokens.number()? }
            }
            "unlisten" => Call::Unlisten,
            "accept" => Call::Accept,
            "connect" => {
                let port = tokens.number()?;
                let from = if tokens.take("from") { Some(tokens.number()?) } else { None };
                Call::Connect { port, from }
            }
            "connected" => Call::Connected,
            "send" => {
                let data = Data::parse(tokens)?;
                outcome = Outcome::Count(data.len());
                Call::Send(data)
            }
            "receive" => {
                let wanted = match tokens.is_next("->") {
                    true => Data::Pattern(0),
                    false => Data::parse(tokens)?,
                };
                outcome = Outcome::Received(wanted.clone());
                Call::Receive { wanted, at_most: at_most(tokens)? }
            }
            "flush" => Call::Flush,
            "shutdown" => Call::Shutdown,
            "close" => Call::Close,
            "closed" => Call::Closed,
            "abort" => Call::Abort,
            "drop" => Call::Drop,
            "keep-alive" => Call::KeepAlive(limit(tokens)?),
            "timeout" => Call::Timeout(limit(tokens)?),
            "ack-delay" => Call::AckDelay(limit(tokens)?),
            "nagle" => {
                tokens.expect("off")?;
                Call::Nagle(false)
            }
            "state" => {
                outcome = Outcome::State(state(&tokens.word()?)?);
                Call::State
            }
            "free" => {
                outcome = Outcome::Count(tokens.number()?);
                Call::Free
            }
            _ => return Err(format!("`{word}` is not a call")),
        };
        if tokens.take("->") {
            outcome = Outcome::parse(&tokens.word()?)?;
        }
        Ok((call, outcome))
    }
}

fn at_most(tokens: &mut Tokens) -> Result<usize, String> {
    if !tokens.take("at") {
        return Ok(usize::from(u16::MAX));
    }
    tokens.expect("most")?;
    tokens.number()
}

fn state(word: &str) -> Result<State, String> {
    let found = STATES.into_iter().find(|state| state.to_string() == word);
    found.ok_or_else(|| format!("`{word}` is not a state of RFC 9293"))
}

impl Data {
    fn parse(tokens: &mut Tokens) -> Result<Data, String> {
        match tokens.take_text() {
            Some(text) => Ok(Data::Text(text)),
            None => tokens.number().map(Data::Pattern),
        }
    }

    fn len(&self) -> usize {
        match self {
            Data::Text(text) => text.len(),
            Data::Pattern(len) => *len,
        }
    }

    /// The bytes, in a stream that has come to `at`.
    pub(crate) fn bytes(&self, at: usize) -> Vec<u8> {
        match self {
            Data::Text(text) => text.clone(),
            Data::Pattern(len) => (at..at + len).map(pattern).collect(),
        }
    }
}

impl Outcome {
    fn parse(word: &str) -> Result<Outcome, String> {
        if word == "WouldBlock" {
            return Ok(Outcome::WouldBlock);
        }
        if let Some((_, error)) = ERRORS.iter().find(|(name, _)| *name == word) {
            return Ok(Outcome::Error(*error));
        }
        word.parse().map(Outcome::Count).map_err(|_| format!("`{word}` is not an outcome"))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Done => f.write_str("success"),
            Outcome::WouldBlock => f.write_str("WouldBlock"),
            Outcome::Error(error) => match ERRORS.iter().find(|(_, known)| known == error) {
                Some((name, _)) => f.write_str(name),
                None => write!(f, "Error::{error:?}"),
            },
            Outcome::Count(count) => write!(f, "{count}"),
            Outcome::Received(Data::Text(text)) => f.write_str(&quote(text)),
            Outcome::Received(Data::Pattern(len)) => write!(f, "{len} bytes of the pattern"),
            Outcome::State(state) => write!(f, "{state}"),
        }
    }
}
