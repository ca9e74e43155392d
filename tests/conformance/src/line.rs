//! A line of what happens.

use sockstate::Duration;
use sockstate::smoltcp::wire::IpAddress;

use crate::call::{Call, Outcome};
use crate::parse::{Tokens, number, time};
use crate::segment::{Flags, Options, Segment};

/// One line of a script.
#[derive(Debug)]
pub(crate) struct Line {
    /// From 1.
    pub(crate) number: usize,
    pub(crate) text: String,
    /// How long after the line before it.
    pub(crate) after: Duration,
    /// Which connection is meant.
    pub(crate) name: String,
    pub(crate) event: Event,
    /// What there is instead, by what is known.
    pub(crate) differs: Option<String>,
}

#[derive(Debug)]
pub(crate) enum Event {
    /// The stack sends a segment.
    Expect(Segment),
    /// The stack asks for the peer's hardware address.
    ExpectQuestion,
    /// The peer sends a segment.
    Inject(Segment, Oddities),
    /// The peer tells its hardware address.
    Introduce,
    /// The peer, or a router, says that the last SYN could not be delivered.
    Icmp(Undelivered),
    Call(Call, Outcome),
    /// A new connection between the same two ends.
    Anew,
    Silent,
}

/// Why a packet was not delivered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Undelivered {
    Port,
    Host,
}

/// What a segment of the peer may have that a good one has not.
#[derive(Clone, Debug, Default)]
pub(crate) struct Oddities {
    pub(crate) urgent: u16,
    pub(crate) bad_checksum: bool,
    pub(crate) src: Option<IpAddress>,
    pub(crate) dst: Option<IpAddress>,
    pub(crate) broadcast_frame: bool,
}

impl Line {
    pub(crate) fn parse(number: usize, text: &str, tokens: &mut Tokens) -> Result<Line, String> {
        let after = tokens.take_after("+").ok_or("a line begins with its time: `+0`, `+10ms`")?;
        let after = time(&after)?;
        let differs = tokens.split_off("!!").map(|_| {
            let (_, differs) = text.rsplit_once("!!").unwrap_or_default();
            differs.trim().to_string()
        });
        let name = tokens.take_after("@").unwrap_or_else(|| "a".into());
        let event = Event::parse(tokens)?;
        Ok(Line { number, text: text.into(), after, name, event, differs })
    }
}

impl Event {
    fn parse(tokens: &mut Tokens) -> Result<Event, String> {
        if tokens.take(">") {
            if tokens.take("neighbour") {
                return Ok(Event::ExpectQuestion);
            }
            return Ok(Event::Expect(segment(tokens)?));
        }
        if tokens.take("<") {
            if tokens.take("neighbour") {
                return Ok(Event::Introduce);
            }
            if tokens.take("icmp") {
                return Ok(Event::Icmp(undelivered(tokens)?));
            }
            let segment = segment(tokens)?;
            return Ok(Event::Inject(segment, oddities(tokens)?));
        }
        if tokens.take("silent") {
            return Ok(Event::Silent);
        }
        if tokens.take("anew") {
            return Ok(Event::Anew);
        }
        let (call, outcome) = Call::parse(tokens)?;
        Ok(Event::Call(call, outcome))
    }
}

fn undelivered(tokens: &mut Tokens) -> Result<Undelivered, String> {
    match tokens.word()?.as_str() {
        "port" => Ok(Undelivered::Port),
        "host" => Ok(Undelivered::Host),
        word => Err(format!("`{word}` is neither `port` nor `host`")),
    }
}

fn segment(tokens: &mut Tokens) -> Result<Segment, String> {
    let flags = Flags::parse(&tokens.word()?)?;
    let (start, len) = place(&tokens.word()?)?;
    let ack = if tokens.take("ack") { Some(tokens.number()?) } else { None };
    if flags.ack != ack.is_some() {
        return Err("`.` among the flags and `ack` go together".into());
    }
    let window = if tokens.take("win") { Some(tokens.number()?) } else { None };
    if window.is_none() && !flags.rst {
        return Err("only a RST may go without `win`".into());
    }
    let options = options(tokens)?;
    let payload = match tokens.take_text() {
        Some(text) if text.len() != len => {
            return Err(format!("the payload has {} bytes and not {len}", text.len()));
        }
        Some(text) => text,
        None => Segment::pattern(start, len),
    };
    Ok(Segment { flags, start, ack, window, options, payload })
}

/// `1:6(5)`: the first sequence number, and the length.
fn place(word: &str) -> Result<(i64, usize), String> {
    const WANTED: &str = "a segment's place is `start:end(length)`";
    let (start, rest) = word.split_once(':').ok_or(WANTED)?;
    let (end, rest) = rest.split_once('(').ok_or(WANTED)?;
    let (start, end): (i64, i64) = (number(start)?, number(end)?);
    let len: usize = number(rest.strip_suffix(')').ok_or(WANTED)?)?;
    if start + len as i64 != end {
        return Err(format!("from {start} to {end} are not {len} bytes"));
    }
    Ok((start, len))
}

fn options(tokens: &mut Tokens) -> Result<Options, String> {
    let mut options = Options::default();
    loop {
        if tokens.take("mss") {
            options.mss = Some(tokens.number()?);
        } else if tokens.take("wscale") {
            options.scale = Some(tokens.number()?);
        } else if tokens.take("sackOK") {
            options.sack_ok = true;
        } else if tokens.take("sack") {
            let word = tokens.word()?;
            let (from, to) = word.split_once('-').ok_or("a range of `sack` is `5-8`")?;
            options.sack.push((number(from)?, number(to)?));
        } else {
            return Ok(options);
        }
    }
}

fn oddities(tokens: &mut Tokens) -> Result<Oddities, String> {
    let mut oddities = Oddities::default();
    loop {
        if tokens.take("urg") {
            oddities.urgent = tokens.number()?;
        } else if tokens.take("checksum") {
            tokens.expect("bad")?;
            oddities.bad_checksum = true;
        } else if tokens.take("src") {
            oddities.src = Some(address(&tokens.word()?)?);
        } else if tokens.take("dst") {
            oddities.dst = Some(address(&tokens.word()?)?);
        } else if tokens.take("frame") {
            tokens.expect("broadcast")?;
            oddities.broadcast_frame = true;
        } else {
            return Ok(oddities);
        }
    }
}

fn address(word: &str) -> Result<IpAddress, String> {
    let address: std::net::IpAddr =
        word.parse().map_err(|_| format!("`{word}` is not an address"))?;
    Ok(address.into())
}
