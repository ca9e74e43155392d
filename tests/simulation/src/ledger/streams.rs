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
