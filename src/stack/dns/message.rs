//! Questions to name servers and their answers, in the form of RFC 1035 section 4.
//!
//! smoltcp reads and writes the parts of a message; this puts them together. Whatever is not the
//! answer to the question, or cannot be read, is as if it had not arrived: an answer may be forged,
//! and the true one may still come.

use core::net::IpAddr;

use smoltcp::wire::{
    DnsFlags, DnsOpcode, DnsPacket, DnsQueryType, DnsQuestion, DnsRcode, DnsRecord, DnsRecordData,
};

use crate::{Error, HostAddrs};

/// The most bytes of a name as messages carry it (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 255;

/// The most bytes of a question: header, name, type and class.
pub(super) const LONGEST_QUESTION: usize = 12 + LONGEST_NAME + 4;

/// The most bytes of an answer (RFC 1035 section 4.2.1): no question here says that more would be
/// read. It bounds the work that a hostile answer can make.
const LONGEST_ANSWER: usize = 512;

/// How many names in a row may be aliases of the next. A chain in a circle has an end here.
const LONGEST_CHAIN: usize = 8;

/// The kind of record that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Record {
    #[cfg(feature = "proto-ipv4")]
    A,
    #[cfg(feature = "proto-ipv6")]
    Aaaa,
    Ptr,
}

impl Record {
    fn code(self) -> DnsQueryType {
        match self {
            #[cfg(feature = "proto-ipv4")]
            Record::A => DnsQueryType::A,
            #[cfg(feature = "proto-ipv6")]
            Record::Aaaa => DnsQueryType::Aaaa,
            Record::Ptr => DnsQueryType::Unknown(12),
        }
    }
}

/// What a name server answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// One address at least.
    Addresses(HostAddrs),
    /// A name of this length, which was written as far as there was room.
    Name(usize),
    /// There is no such name.
    NoName,
    /// There is such a name, but no such record of it.
    NoRecord,
    /// The server could not, or would not, answer.
    Failure,
}

/// Writes a name in the form of RFC 1035 section 3.1: labels, each behind its length. Its length, or
/// `InvalidName`.
fn encode(name: &str, buffer: &mut [u8]) -> Result<usize, Error> {
    let mut size = 0;
    for label in labels(name) {
        let place = buffer.get_mut(size..size + 1 + label.len()).ok_or(Error::InvalidName)?;
        let (len, place) = place.split_first_mut().ok_or(Error::InvalidName)?;
        if !is_label(label) {
            return Err(Error::InvalidName);
        }
        *len = label.len() as u8;
        place.copy_from_slice(label);
        size += 1 + label.len();
    }
    *buffer.get_mut(size).ok_or(Error::InvalidName)? = 0;
    Ok(size + 1)
}

/// Whether a name can be asked for.
pub(super) fn check(name: &str) -> Result<(), Error> {
    let is_sound = labels(name).all(is_label);
    // Beside its labels, it has a byte in front of them and one behind them.
    let is_short = without_root(name).len() + 2 <= LONGEST_NAME;
    if is_sound && is_short { Ok(()) } else { Err(Error::InvalidName) }
}

/// The labels of a name. By bytes, which is less work than by characters.
fn labels(name: &str) -> impl Iterator<Item = &[u8]> {
    without_root(name).as_bytes().split(|byte| *byte == b'.')
}

/// Whether this can be a label of a host's name (RFC 1123 section 2.1). The underscore cannot, and
/// is in use all the same.
fn is_label(label: &[u8]) -> bool {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=63).contains(&label.len()) && label.iter().all(is_plain)
}

/// A name without the dot that may stand for the root behind it.
fn without_root(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// Writes a question into the buffer, to a server that asks others if need be (`recursive`) or to
/// hosts that answer for themselves. Its length, or `InvalidName`.
pub(super) fn question(
    name: &str,
    record: Record,
    id: u16,
    recursive: bool,
    buffer: &mut [u8; LONGEST_QUESTION],
) -> Result<usize, Error> {
    const RECURSION_DESIRED: [u8; 2] = [1, 0];
    const ITERATIVE: [u8; 2] = [0, 0];
    const INTERNET: [u8; 2] = [0, 1];
    let (header, rest) = buffer.split_first_chunk_mut::<12>().ok_or(Error::InvalidName)?;
    *header = [0; 12];
    [header[0], header[1]] = id.to_be_bytes();
    [header[2], header[3]] = if recursive { RECURSION_DESIRED } else { ITERATIVE };
    header[5] = 1; // question
    let size = encode(name, rest.get_mut(..LONGEST_NAME).ok_or(Error::InvalidName)?)?;
    let (kind, class) = rest
        .get_mut(size..size + 4)
        .and_then(|rest| rest.split_at_mut_checked(2))
        .ok_or(Error::InvalidName)?;
    kind.copy_from_slice(&u16::from(record.code()).to_be_bytes());
    class.copy_from_slice(&INTERNET);
    Ok(12 + size + 4)
}

/// Reads the answer to a question. `None` if this is not the answer. A name that was asked for is
/// written into `written`.
pub(super) fn answer(
    message: &[u8],
    name: &str,
    record: Record,
    id: u16,
    written: &mut [u8],
) -> Option<Reply> {
    if message.len() > LONGEST_ANSWER {
        return None;
    }
    let packet = DnsPacket::new_checked(message).ok()?;
    let is_response = packet.flags().contains(DnsFlags::RESPONSE);
    if !is_response || packet.transaction_id() != id || packet.opcode() != DnsOpcode::Query {
        return None;
    }
    if packet.question_count() != 1 {
        return None;
    }
    let (records, question) = DnsQuestion::parse(packet.payload()).ok()?;
    if question.type_ != record.code() || !is_name(&packet, question.name, name) {
        return None;
    }
    match packet.rcode() {
        DnsRcode::NoError => {}
        DnsRcode::NXDomain => return Some(Reply::NoName),
        _ => return Some(Reply::Failure),
    }
    let is_cut = packet.flags().contains(DnsFlags::TRUNCATED);
    let mut current = question.name;
    for _ in 0..=LONGEST_CHAIN {
        let found = search(&packet, records, current, record);
        // What is cut short may end within a record.
        match found.or(is_cut.then_some(Found::Nothing))? {
            Found::Addresses(addrs) => return Some(Reply::Addresses(addrs)),
            Found::Name(name) => return Some(decode(&packet, name, written)),
            Found::Alias(name) => current = name,
            Found::Nothing => break,
        }
    }
    // One that was cut short may have lost the record, and one that neither knows nor asks others
    // cannot tell that there is none.
    let knows = DnsFlags::AUTHORITATIVE | DnsFlags::RECURSION_AVAILABLE;
    let tells = packet.flags().intersects(knows) && !is_cut;
    Some(if tells { Reply::NoRecord } else { Reply::Failure })
}

/// What the records of an answer say of one name.
enum Found<'m> {
    Addresses(HostAddrs),
    Name(&'m [u8]),
    Alias(&'m [u8]),
    Nothing,
}

/// Looks through the records of an answer. `None` if they cannot be read, unless an address was
/// found before.
fn search<'m>(
    packet: &'m DnsPacket<&[u8]>,
    mut records: &'m [u8],
    name: &'m [u8],
    wanted: Record,
) -> Option<Found<'m>> {
    let mut found = Found::Nothing;
    let mut addrs = HostAddrs::new();
    for _ in 0..packet.answer_record_count() {
        let (rest, record) = match DnsRecord::parse(records) {
            Ok(parsed) => parsed,
            Err(_) if addrs.is_empty() => return None,
            Err(_) => break,
        };
        records = rest;
        if !are_equal(packet, record.name, name) {
            continue;
        }
        match (record.data, wanted) {
            #[cfg(feature = "proto-ipv4")]
            (DnsRecordData::A(addr), Record::A) => add(&mut addrs, addr.into()),
            #[cfg(feature = "proto-ipv6")]
            (DnsRecordData::Aaaa(addr), Record::Aaaa) => add(&mut addrs, addr.into()),
            (DnsRecordData::Other(kind, name), Record::Ptr) if kind == Record::Ptr.code() => {
                return Some(Found::Name(name));
            }
            (DnsRecordData::Cname(name), _) => found = Found::Alias(name),
            _ => {}
        }
    }
    Some(if addrs.is_empty() { found } else { Found::Addresses(addrs) })
}

/// Adds an address that is not there yet, if there is room.
fn add(addrs: &mut HostAddrs, addr: IpAddr) {
    if !addrs.contains(&addr) {
        let _ = addrs.push(addr);
    }
}

/// Whether a name in a message is this one. Upper and lower case are the same (RFC 4343).
fn is_name(packet: &DnsPacket<&[u8]>, name: &[u8], text: &str) -> bool {
    let mut labels = labels(text);
    packet
        .parse_name(name)
        .all(|label| label.ok().zip(labels.next()).is_some_and(|(a, b)| same(a, b)))
        && labels.next().is_none()
}

/// Whether two names in a message are the same.
fn are_equal(packet: &DnsPacket<&[u8]>, a: &[u8], b: &[u8]) -> bool {
    let mut labels = packet.parse_name(b);
    let mut next = || labels.next().map(Result::ok);
    packet.parse_name(a).all(|label| match (label, next()) {
        (Ok(a), Some(Some(b))) => same(a, b),
        _ => false,
    }) && next().is_none()
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a == b || a.eq_ignore_ascii_case(b)
}

/// Writes a name as text. One that is no name of a host is none: it comes from a stranger, and may
/// end up anywhere.
fn decode(packet: &DnsPacket<&[u8]>, name: &[u8], written: &mut [u8]) -> Reply {
    let mut size = 0;
    for label in packet.parse_name(name) {
        let Ok(label) = label else { return Reply::NoRecord };
        if !is_label(label) {
            return Reply::NoRecord;
        }
        let dot: &[u8] = if size == 0 { b"" } else { b"." };
        for byte in dot.iter().chain(label) {
            if let Some(place) = written.get_mut(size) {
                *place = *byte;
            }
            size += 1;
        }
    }
    if size == 0 || size > LONGEST_NAME - 2 { Reply::NoRecord } else { Reply::Name(size) }
}
