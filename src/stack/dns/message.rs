//! Questions to name servers and their answers, in the form of RFC 1035 section 4.
//!
//! smoltcp reads and writes the parts of a message; this puts them together. Whatever is not the
//! answer to the question, or cannot be read, is as if it had not arrived: an answer may be forged,
//! and the true one may still come.

use core::net::IpAddr;

use smoltcp::wire::{
    DnsFlags, DnsOpcode, DnsPacket, DnsQueryType, DnsRcode, DnsRecord, DnsRecordData,
};

use crate::{Error, HostAddrs};

/// The most bytes of a name as messages carry it (RFC 1035 section 2.3.4).
const LONGEST_NAME: usize = 255;

/// The bytes of a header.
const HEADER: usize = 12;

/// The most bytes of a question: header, name, type and class.
const LONGEST_QUESTION: usize = HEADER + LONGEST_NAME + 4;

/// The name that was asked for, as answers refer to it: it begins behind the header (RFC 1035 section
/// 4.1.4).
const ASKED: &[u8] = &[0xc0, HEADER as u8];

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
fn encode(name: &str, buffer: &mut [u8; LONGEST_NAME]) -> Result<usize, Error> {
    let name = without_root(name).as_bytes();
    // Beside its labels, it has a byte in front of them and one behind them.
    let (first, rest) = buffer.split_first_mut().ok_or(Error::InvalidName)?;
    let (places, end) = rest.split_at_mut_checked(name.len()).ok_or(Error::InvalidName)?;
    *end.first_mut().ok_or(Error::InvalidName)? = 0;
    // From its end on: then the length of a label is known where it is to be written.
    let mut len = 0;
    for (place, byte) in places.iter_mut().zip(name).rev() {
        if is_plain(*byte) {
            *place = *byte;
            len += 1;
        } else if *byte == b'.' && is_length(len) {
            *place = core::mem::take(&mut len) as u8;
        } else {
            return Err(Error::InvalidName);
        }
    }
    *first = len as u8;
    if is_length(len) { Ok(name.len() + 2) } else { Err(Error::InvalidName) }
}

/// Whether this can be a label of a host's name (RFC 1123 section 2.1). The underscore cannot, and
/// is in use all the same.
fn is_label(label: &[u8]) -> bool {
    is_length(label.len()) && label.iter().all(|byte| is_plain(*byte))
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_length(len: usize) -> bool {
    (1..=63).contains(&len)
}

/// A name without the dot that may stand for the root behind it.
fn without_root(name: &str) -> &str {
    name.strip_suffix('.').unwrap_or(name)
}

/// A question, as it is sent.
pub(super) struct Question {
    message: [u8; LONGEST_QUESTION],
    /// How long the name is.
    size: usize,
}

impl Question {
    /// Not written yet.
    pub(super) const EMPTY: Self = Question { message: [0; LONGEST_QUESTION], size: 0 };

    /// Writes a question to a server that asks others if need be (`recursive`), or to hosts that
    /// answer for themselves. `InvalidName` for a name that cannot be asked for.
    pub(super) fn write(&mut self, name: &str, id: u16, recursive: bool) -> Result<(), Error> {
        const RECURSION_DESIRED: [u8; 2] = [1, 0];
        const ITERATIVE: [u8; 2] = [0, 0];
        let (header, rest) = self.message.split_first_chunk_mut().ok_or(Error::InvalidName)?;
        let [id_0, id_1] = id.to_be_bytes();
        let [flags_0, flags_1] = if recursive { RECURSION_DESIRED } else { ITERATIVE };
        // One question.
        *header = [id_0, id_1, flags_0, flags_1, 0, 1, 0, 0, 0, 0, 0, 0];
        self.size = encode(name, rest.first_chunk_mut().ok_or(Error::InvalidName)?)?;
        Ok(())
    }

    /// The question for one kind of record.
    pub(super) fn of(&mut self, record: Record) -> &[u8] {
        let end = HEADER + self.size;
        if let Some(place) = self.message.get_mut(end..end + 4) {
            place.copy_from_slice(&ending(record));
        }
        self.message.get(..end + 4).unwrap_or_default()
    }
}

/// What follows the name in a question: kind and class.
fn ending(record: Record) -> [u8; 4] {
    const INTERNET: [u8; 2] = [0, 1];
    let ([kind_0, kind_1], [class_0, class_1]) = (u16::from(record.code()).to_be_bytes(), INTERNET);
    [kind_0, kind_1, class_0, class_1]
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
    let rest = after_name(packet.payload(), name)?;
    let (asked, records) = rest.split_first_chunk()?;
    if *asked != ending(record) {
        return None;
    }
    match packet.rcode() {
        DnsRcode::NoError => {}
        DnsRcode::NXDomain => return Some(Reply::NoName),
        _ => return Some(Reply::Failure),
    }
    let is_cut = packet.flags().contains(DnsFlags::TRUNCATED);
    let mut current = ASKED;
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

/// What follows this name at the beginning of a text of labels. `None` if it is another one. Upper and
/// lower case are the same (RFC 4343).
fn after_name<'m>(message: &'m [u8], name: &str) -> Option<&'m [u8]> {
    let name = without_root(name).as_bytes();
    let (first, rest) = message.split_first()?;
    let (labels, rest) = rest.split_at_checked(name.len())?;
    let mut left = *first;
    for (a, b) in labels.iter().zip(name) {
        if left == 0 {
            left = *a;
            if *b != b'.' {
                return None;
            }
        } else {
            left -= 1;
            if *b == b'.' || a != b && !a.eq_ignore_ascii_case(b) {
                return None;
            }
        }
    }
    let (end, rest) = rest.split_first()?;
    (left == 0 && *end == 0).then_some(rest)
}

/// Whether two names in a message are the same.
fn are_equal(packet: &DnsPacket<&[u8]>, a: &[u8], b: &[u8]) -> bool {
    if a == b {
        return true;
    }
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
