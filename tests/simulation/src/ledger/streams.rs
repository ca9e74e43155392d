//! The directions of TCP connections.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::net::SocketAddr;

use sockstate::Error;

use crate::checks::{Checks, Invariant};
use crate::content::{KEY, fill, key_of, mismatch};
use crate::net::owner;
use crate::rng::mix;

type Table<K, V> = HashMap<K, V, BuildHasherDefault<DefaultHasher>>;

/// One direction of a connection, as its sender knows it.
pub type StreamId = usize;

#[derive(Clone, Debug)]
struct Stream {
    key: u64,
    /// Of the sender.
    local: SocketAddr,
    remote: SocketAddr,
    /// What its stack has taken, and of that, what the peer's is known to have.
    sent: u64,
    acknowledged: u64,
    /// The sender has closed, and not aborted before that.
    is_ended: bool,
    is_claimed: bool,
}

/// The same direction, as its receiver knows it.
#[derive(Clone, Debug)]
pub struct Inbound {
    local: SocketAddr,
    remote: SocketAddr,
    stream: Option<StreamId>,
    /// What was received before it was known whose stream it is.
    head: Vec<u8>,
    received: u64,
}

impl Inbound {
    pub fn new(local: SocketAddr, remote: SocketAddr) -> Self {
        Inbound { local, remote, stream: None, head: Vec::new(), received: 0 }
    }
}

type Broken = (Invariant, String);

#[derive(Clone, Debug, Default)]
pub struct Streams {
    seed: u64,
    streams: Vec<Stream>,
    by_key: Table<u64, StreamId>,
    by_ends: Table<(SocketAddr, SocketAddr), Vec<StreamId>>,
}

impl Streams {
    pub fn new(seed: u64) -> Self {
        Streams { seed, ..Streams::default() }
    }

    /// Begins a stream from here to there.
    pub fn open(&mut self, local: SocketAddr, remote: SocketAddr) -> StreamId {
        let id = self.streams.len();
        let key = mix(self.seed ^ mix(id as u64 + 1));
        let (sent, acknowledged) = (0, 0);
        let (is_ended, is_claimed) = (false, false);
        self.streams.push(Stream { key, local, remote, sent, acknowledged, is_ended, is_claimed });
        self.by_key.insert(key, id);
        self.by_ends.entry((local, remote)).or_default().push(id);
        id
    }

    /// The local ports of a node's streams.
    pub fn ports_of(&self, node: usize) -> Vec<u16> {
        let locals = self.streams.iter().map(|stream| stream.local);
        locals.filter(|local| owner(local.ip()) == node).map(|local| local.port()).collect()
    }

    /// Writes what comes next.
    pub fn fill(&self, id: StreamId, buffer: &mut [u8]) {
        let stream = &self.streams[id];
        fill(stream.key, stream.sent, buffer);
    }

    pub fn sent(&mut self, id: StreamId, bytes: u64) {
        self.streams[id].sent += bytes;
    }

    /// The sender has closed.
    pub fn end(&mut self, id: StreamId) {
        self.streams[id].is_ended = true;
    }

    /// The sender knows that all it sent has arrived.
    pub fn acknowledge(&mut self, id: StreamId) {
        let stream = &mut self.streams[id];
        stream.acknowledged = stream.sent;
    }

    /// The sender claims one byte more than it sent, or than has arrived.
    pub fn boast(&mut self, id: StreamId, of: Invariant) {
        let stream = &mut self.streams[id];
        match of {
            Invariant::Delivered => stream.acknowledged = stream.sent + 1,
            _ => stream.sent += 1,
        }
    }

    /// Checks what was received.
    pub fn receive(
        &mut self,
        inbound: &mut Inbound,
        data: &[u8],
        checks: &mut Checks,
    ) -> Result<(), Broken> {
        checks.count(Invariant::Stream);
        let broken = |text: String| Err((Invariant::Stream, text));
        let mut rest = data;
        if inbound.stream.is_none() {
            let missing = (KEY - inbound.head.len()).min(rest.len());
            let (head, after) = rest.split_at(missing);
            inbound.head.extend_from_slice(head);
            inbound.received += missing as u64;
            rest = after;
            let Some(key) = key_of(&inbound.head) else { return Ok(()) };
            let id = match self.claim(inbound, key) {
                Ok(id) => id,
                Err(text) => return broken(text),
            };
            inbound.stream = Some(id);
        }
        let Some(stream) = inbound.stream.map(|id| &self.streams[id]) else { return Ok(()) };
        if let Some(at) = mismatch(stream.key, inbound.received, rest) {
            return broken(format!("byte {at} is another one than was sent"));
        }
        inbound.received += rest.len() as u64;
        if inbound.received > stream.sent {
            let (received, sent) = (inbound.received, stream.sent);
            return broken(format!("{received} bytes received, and {sent} sent"));
        }
        Ok(())
    }

    /// Finds the stream with this key, which must be that of this connection.
    fn claim(&mut self, inbound: &Inbound, key: u64) -> Result<StreamId, String> {
        let Some(&id) = self.by_key.get(&key) else {
            return Err(format!("nobody sent a stream that begins with {key:#x}"));
        };
        let stream = &mut self.streams[id];
        if (stream.local, stream.remote) != (inbound.remote, inbound.local) {
            let (from, to) = (stream.local, stream.remote);
            let at = (inbound.remote, inbound.local);
            return Err(format!("what {from} sent to {to} was received from {} at {}", at.0, at.1));
        }
        if std::mem::replace(&mut stream.is_claimed, true) {
            return Err("a stream was received by two".into());
        }
        Ok(id)
    }

    /// Checks the end of what is received. `is_sure` says that the receiver's stack keeps what has
    /// arrived, whatever becomes of the connection.
    pub fn finish(
        &mut self,
        inbound: &Inbound,
        error: Error,
        is_sure: bool,
        checks: &mut Checks,
    ) -> Result<(), Broken> {
        let received = inbound.received;
        if error == Error::PeerClosed {
            checks.count(Invariant::End);
            let ends = (inbound.remote, inbound.local);
            let is_its_end = |id: &StreamId| {
                let stream = &self.streams[*id];
                stream.is_ended && stream.sent == received
            };
            let candidates = match inbound.stream {
                Some(id) => vec![id],
                None => self.by_ends.get(&ends).cloned().unwrap_or_default(),
            };
            if !candidates.iter().any(is_its_end) {
                let sent: Vec<_> = candidates
                    .iter()
                    .map(|id| (self.streams[*id].sent, self.streams[*id].is_ended))
                    .collect();
                let (from, to) = ends;
                let text = format!(
                    "the stream from {from} to {to} ended after {received} bytes; \
                     sent, and ended: {sent:?}"
                );
                return Err((Invariant::End, text));
            }
        }
        if let Some(stream) = inbound.stream.map(|id| &self.streams[id])
            && is_sure
        {
            checks.count(Invariant::Delivered);
            let acknowledged = stream.acknowledged;
            if received < acknowledged {
                let text = format!(
                    "{acknowledged} bytes from {} to {} were acknowledged, \
                     {received} received before {error}",
                    stream.local, stream.remote
                );
                return Err((Invariant::Delivered, text));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream of some bytes, and what its receiver has.
    struct Case {
        streams: Streams,
        id: StreamId,
        data: Vec<u8>,
        inbound: Inbound,
        checks: Checks,
    }

    fn case() -> Case {
        let (local, remote) = ("10.0.0.10:5000".parse().unwrap(), "10.0.0.11:80".parse().unwrap());
        let mut streams = Streams::new(7);
        let id = streams.open(local, remote);
        let mut data = vec![0; 100];
        streams.fill(id, &mut data);
        streams.sent(id, 100);
        let inbound = Inbound::new(remote, local);
        Case { streams, id, data, inbound, checks: Checks::default() }
    }

    impl Case {
        fn receive(&mut self, data: &[u8]) -> Result<(), Broken> {
            self.streams.receive(&mut self.inbound, data, &mut self.checks)
        }

        fn finish(&mut self, error: Error) -> Option<Invariant> {
            let said = self.streams.finish(&self.inbound, error, true, &mut self.checks);
            said.err().map(|(invariant, _)| invariant)
        }
    }

    #[test]
    fn what_was_sent_can_be_received_in_parts_and_ends() {
        let mut case = case();
        for part in case.data.clone().chunks(3) {
            assert_eq!(case.receive(part), Ok(()));
        }
        assert_eq!(case.finish(Error::PeerClosed), Some(Invariant::End), "nobody ended it");
        case.streams.end(case.id);
        assert_eq!(case.finish(Error::PeerClosed), None);
    }

    #[test]
    fn a_wrong_byte_a_missing_one_and_one_too_many_are_found_out() {
        let mut changed = case();
        changed.data[50] ^= 1;
        assert!(changed.receive(&changed.data.clone()).is_err());
        let mut missing = case();
        missing.data.remove(50);
        assert!(missing.receive(&missing.data.clone()).is_err());
        let mut more = case();
        more.data.resize(108, 0);
        fill(key_of(&more.data).unwrap(), 0, &mut more.data);
        assert!(more.receive(&more.data.clone()).is_err());
    }

    #[test]
    fn a_stream_of_another_connection_or_of_two_receivers_is_found_out() {
        let mut astray = case();
        astray.inbound =
            Inbound::new("10.0.0.11:80".parse().unwrap(), "10.0.0.12:5000".parse().unwrap());
        assert!(astray.receive(&astray.data.clone()).is_err());
        let mut twice = case();
        let other = twice.inbound.clone();
        assert_eq!(twice.receive(&twice.data.clone()), Ok(()));
        twice.inbound = other;
        assert!(twice.receive(&twice.data.clone()).is_err());
    }

    #[test]
    fn an_early_end_and_the_loss_of_what_was_acknowledged_are_found_out() {
        let mut early = case();
        early.streams.end(early.id);
        assert_eq!(early.receive(&early.data.clone()[..99]), Ok(()));
        assert_eq!(early.finish(Error::PeerClosed), Some(Invariant::End));
        assert_eq!(early.finish(Error::Reset), None);
        early.streams.acknowledge(early.id);
        assert_eq!(early.finish(Error::Reset), Some(Invariant::Delivered));
    }
}
