//! Answers to questions for names: what a name server or a host of the link may say, and a reader of it
//! that knows nothing of the stack's.

use std::net::{IpAddr, SocketAddr};

use crate::bench::{OWN_V4, OWN_V6, host_v4, host_v6, name_servers};
use crate::dice::Dice;
use crate::packet::{self, UDP};
use crate::peer::{Datagram, Peer};
use crate::read::word;

pub const A: u16 = 1;
const CNAME: u16 = 5;
pub const PTR: u16 = 12;
pub const AAAA: u16 = 28;

const HEADER: usize = 12;

/// The address and the port of the groups that hosts of the link are asked in.
pub const LOCAL_PORT: u16 = 5_353;

type Message = ((IpAddr, IpAddr), u8, Vec<u8>);

/// Whether a message asks for one name.
pub fn is_question(message: &[u8]) -> bool {
    let is_one = word(message, 4) == Some(1);
    is_one && read_name(message, HEADER).is_some_and(|(_, end)| message.len() == end + 4)
}

/// An answer to one of the last questions, right or nearly so.
pub fn answer(dice: &mut Dice<'_>, peer: &Peer) -> Option<Message> {
    let last = peer.questions.iter().rev().take(8).collect::<Vec<_>>();
    if last.is_empty() {
        return None;
    }
    let asked = last[dice.below(last.len())];
    let mut src = asked.dst;
    if src.port() == LOCAL_PORT {
        src.set_ip(if src.is_ipv4() { host_v4(dice.pick(&[0, 3])) } else { host_v6(0) });
    }
    match dice.below(16) {
        0 => src.set_port(dice.word()),
        1 if src.is_ipv4() => src.set_ip(host_v4(dice.below(4))),
        1 => src.set_ip(host_v6(dice.below(4))),
        _ => {}
    }
    let dst = SocketAddr::new(if src.is_ipv4() { OWN_V4 } else { OWN_V6 }, asked.src.port());
    let message = compose(dice, &asked.data);
    Some(((src.ip(), dst.ip()), UDP, packet::udp(src, dst, &message)))
}

fn compose(dice: &mut Dice<'_>, question: &[u8]) -> Vec<u8> {
    let mut message = question.to_vec();
    message[2] |= 0x80;
    message[3] = dice.pick(&[0x80, 0x80, 0x80, 0x80, 0x80, 0, 0x83, 0x82, 0x85]);
    match dice.below(16) {
        0 => message[dice.pick(&[0, 1])] ^= 1 << dice.below(8),
        1 => message[dice.pick(&[2, 2, 3])] ^= 1 << dice.below(8),
        2 => message[5] = dice.below(3) as u8,
        // Another name, or in other letters.
        3 => message[dice.pick(&[HEADER, HEADER + 1, HEADER + 2])] ^= dice.pick(&[0x20, 1, 0x80]),
        4 => {
            let kind = question.len() - 4 + dice.below(4);
            message[kind] ^= dice.pick(&[1, 28 ^ 1, 12 ^ 1]);
        }
        _ => {}
    }
    let asked = word(question, question.len() - 4).unwrap_or(A);
    let records = dice.below(6);
    let mut data_at = HEADER;
    for _ in 0..records {
        let owner = name(dice, &message, question, data_at);
        message.extend(owner);
        let kind = dice.pick(&[asked, asked, asked, CNAME, CNAME, A, AAAA, PTR, 16]);
        message.extend(kind.to_be_bytes());
        message.extend(dice.pick(&[[0, 1], [0, 1], [0, 1], [0x80, 1], [0, 3]]));
        message.extend([0, 0, 0, 10]);
        data_at = message.len() + 2;
        let data = match kind {
            A => vec![10, 0, 0, dice.byte()],
            AAAA => [&[0xfd, 9][..], &[0; 13], &[dice.byte()]].concat(),
            CNAME | PTR => name(dice, &message, question, data_at),
            _ => dice.bytes(5).to_vec(),
        };
        let len = if dice.one_in(20) { dice.byte().into() } else { data.len() as u16 };
        message.extend(len.to_be_bytes());
        message.extend(data);
    }
    message[7] = if dice.one_in(10) { dice.byte() } else { records as u8 };
    message
}

/// A name: the one that was asked for, another one, or one that is told by a reference, to where it
/// leads nowhere or round and round as well.
fn name(dice: &mut Dice<'_>, message: &[u8], question: &[u8], data_at: usize) -> Vec<u8> {
    let refer = |to: usize| ((to as u16) | 0xc000).to_be_bytes().to_vec();
    let here = message.len();
    match dice.below(12) {
        0..=3 => refer(HEADER),
        4 | 5 => refer(data_at),
        6 => question[HEADER..question.len() - 4].to_vec(),
        7 => vec![1, b'a' + dice.below(3) as u8, 0],
        8 => [&[1, b'b'][..], &refer(HEADER)].concat(),
        // To itself, to what comes next, and by one label back to the same place.
        9 => refer(here + dice.below(3) * 2),
        10 => [&[1, b'c'][..], &refer(here)].concat(),
        _ => {
            let len = 1 + dice.below(70);
            dice.bytes(len).to_vec()
        }
    }
}

/// A name in small letters, label by label.
type Name = Vec<Vec<u8>>;

/// Reads the name at a place, and says where it ends.
fn read_name(message: &[u8], mut at: usize) -> Option<(Name, usize)> {
    let (mut name, mut end) = (Name::new(), None);
    // No name has more labels, and none of ours more references.
    for _ in 0..256 {
        let len = usize::from(*message.get(at)?);
        match len {
            0 => return Some((name, end.unwrap_or(at + 1))),
            1..=63 => {
                name.push(message.get(at + 1..at + 1 + len)?.to_ascii_lowercase());
                at += 1 + len;
            }
            0xc0.. => {
                end = end.or(Some(at + 2));
                at = usize::from(word(message, at)? & 0x3fff);
            }
            _ => return None,
        }
    }
    None
}

/// Where the name at a place ends, wherever it leads.
fn end_of_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match usize::from(*message.get(at)?) {
            0 => return Some(at + 1),
            0xc0.. => return Some(at + 2),
            len => at += 1 + len,
        }
    }
}

/// The name at a place; or if it cannot be read, its bytes: the same bytes are the same name all the
/// same.
fn told_name(message: &[u8], at: usize) -> Name {
    let bytes = || message.get(at..end_of_name(message, at)?).map(<[u8]>::to_vec);
    read_name(message, at).map_or_else(|| vec![bytes().unwrap_or_default()], |(name, _)| name)
}

fn name_of(text: &str) -> Name {
    text.to_ascii_lowercase().split('.').map(|label| label.as_bytes().to_vec()).collect()
}

/// What messages that answer a question for `host` have said of it.
pub struct Said {
    pub addrs: Vec<IpAddr>,
    pub names: Vec<String>,
    /// There was an answer, whatever it said.
    pub any: bool,
}

/// What was said of a host, by all that could know of the question.
pub fn said_of(peer: &Peer, host: &str, kinds: &[u16]) -> Said {
    let mut said = Said { addrs: Vec::new(), names: Vec::new(), any: false };
    for message in &peer.said {
        for kind in kinds {
            if answers(peer, message, host, *kind) {
                said.any = true;
                // What cannot be read to its end counts as far as it can.
                let _ = read_records(&message.data, host, *kind, &mut said);
            }
        }
    }
    said
}

/// Whether a message is an answer to a question of this name and kind that was asked.
fn answers(peer: &Peer, message: &Datagram, host: &str, kind: u16) -> bool {
    let Some(id) = word(&message.data, 0) else { return false };
    let is_response = message.data.get(2).is_some_and(|flags| flags & 0xf8 == 0x80);
    let has_one_question = word(&message.data, 4) == Some(1);
    let is_about = |data: &[u8]| {
        read_name(data, HEADER).is_some_and(|(name, end)| {
            name == name_of(host) && (word(data, end), word(data, end + 2)) == (Some(kind), Some(1))
        })
    };
    // Any name server of the stack's may say it, asked or not yet; and any host of the link.
    let is_from = |asked: SocketAddr| {
        let is_server = asked.port() == LOCAL_PORT || name_servers().contains(&message.src.ip());
        asked.port() == message.src.port() && is_server
    };
    let mut asked = peer.questions_of(id, message.dst.port());
    is_response
        && has_one_question
        && is_about(&message.data)
        && asked.any(|asked| is_from(asked.dst) && is_about(&asked.data))
}

/// Adds what the records say of a name, or of another that it is an alias of.
fn read_records(message: &[u8], host: &str, kind: u16, said: &mut Said) -> Option<()> {
    let (_, end) = read_name(message, HEADER)?;
    let mut records = Vec::new();
    let mut at = end + 4;
    for _ in 0..word(message, 6)? {
        let Some(end) = end_of_name(message, at) else { break };
        let Some(len) = word(message, end + 8) else { break };
        let Some(data) = message.get(end + 10..end + 10 + usize::from(len)) else { break };
        records.push((told_name(message, at), word(message, end)?, end + 10, data));
        at = end + 10 + data.len();
    }
    let mut known = vec![name_of(host)];
    for _ in 0..records.len() {
        for (owner, record, place, _) in &records {
            let alias = told_name(message, *place);
            if *record == CNAME && known.contains(owner) && !known.contains(&alias) {
                known.push(alias);
            }
        }
    }
    for (owner, record, place, data) in &records {
        if !known.contains(owner) || *record != kind {
            continue;
        }
        match (*record, data.len()) {
            (A, 4) => said.addrs.extend(<[u8; 4]>::try_from(*data).map(IpAddr::from)),
            (AAAA, 16) => said.addrs.extend(<[u8; 16]>::try_from(*data).map(IpAddr::from)),
            (PTR, _) => {
                let name = read_name(message, *place).map(|(name, _)| name.join(&b'.'));
                said.names.extend(name.and_then(|name| String::from_utf8(name).ok()));
            }
            _ => {}
        }
    }
    Some(())
}
