//! A name server.

use std::net::{IpAddr, SocketAddr};

use sockstate::state::Bound;
use sockstate::{Net, UdpSocket};

use crate::checks::Violation;
use crate::cx::Cx;
use crate::plan::Plant;
use crate::rng::Rng;

const A: u16 = 1;
const AAAA: u16 = 28;

/// Response, recursion desired and available; with the code for "no such name".
const FOUND: [u8; 2] = [0x81, 0x80];
const NOT_FOUND: [u8; 2] = [0x81, 0x83];

/// Where the name of an answer is: in the question.
const NAME_OF_QUESTION: [u8; 2] = [0xc0, 12];

#[derive(Debug)]
pub struct NameServer<'net> {
    socket: Option<UdpSocket<'net, Bound>>,
    rng: Rng,
    silence: u32,
}

impl<'net> NameServer<'net> {
    pub fn new(net: &'net Net, silence: u32) -> Self {
        let socket = net.udp().ok().and_then(|udp| udp.bind(53).ok());
        NameServer { socket, rng: Rng::new(silence.into()), silence }
    }

    /// Answers what has arrived.
    pub fn step(&mut self, cx: &mut Cx<'_>) -> Result<(), Violation> {
        let Some(socket) = &mut self.socket else { return Ok(()) };
        let mut question = [0; 512];
        while let Ok((size, from)) = socket.receive_from(&mut question) {
            if self.rng.chance(self.silence) {
                continue;
            }
            if let Some(answer) = answer(&question[..size], from, cx) {
                // Without room the client asks again.
                let _ = socket.send_to(&answer, from);
            }
        }
        Ok(())
    }
}

/// The answer to a question (RFC 1035 section 4.1).
fn answer(question: &[u8], from: SocketAddr, cx: &Cx<'_>) -> Option<Vec<u8>> {
    let (label, rest) = question.get(13..)?.split_at_checked(usize::from(question[12]))?;
    let end = question.len() - rest.len() + rest.iter().position(|byte| *byte == 0)? + 5;
    let kind = u16::from_be_bytes(*question.get(end - 4..)?.first_chunk()?);
    let node = match label {
        [b'n', digit @ b'0'..=b'7'] => usize::from(digit - b'0'),
        _ => usize::MAX,
    };
    let addresses = &cx.shared.addresses;
    let addr = match kind {
        _ if node >= addresses.nodes() => None,
        A => Some(addresses.of(node, false)),
        AAAA => Some(addresses.of(node, true)),
        _ => None,
    };
    let addr = if cx.has(Plant::WrongAnswer) { addr.map(|_| from.ip()) } else { addr };
    let mut answer = question.get(..end)?.to_vec();
    let count = if addr.is_some() { 1 } else { 0 };
    answer[2..4].copy_from_slice(if addr.is_some() { &FOUND } else { &NOT_FOUND });
    answer[4..12].copy_from_slice(&[0, 1, 0, count, 0, 0, 0, 0]);
    let octets = match addr {
        None => return Some(answer),
        Some(IpAddr::V4(addr)) => addr.octets().to_vec(),
        Some(IpAddr::V6(addr)) => addr.octets().to_vec(),
    };
    answer.extend_from_slice(&NAME_OF_QUESTION);
    answer.extend_from_slice(&kind.to_be_bytes());
    answer.extend_from_slice(&[0, 1, 0, 0, 0, 60, 0, octets.len() as u8]);
    answer.extend_from_slice(&octets);
    Some(answer)
}
