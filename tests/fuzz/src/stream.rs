//! A connection, with what went through it.

use std::net::SocketAddr;

use sockstate::{AnyTcpSocket, nb};

use crate::frames::finish;
use crate::peer::Peer;

pub struct Stream<'n> {
    socket: AnyTcpSocket<'n>,
    /// The two ends, once there is a connection.
    ends: Option<(SocketAddr, SocketAddr)>,
    /// How many bytes were sent: each is its place in the stream.
    sent: usize,
    /// The last byte that was received. Each is the lowest byte of its sequence number: one follows
    /// the other.
    last: Option<u8>,
    /// The program is busy with other things than reading.
    is_busy: bool,
    is_over: bool,
}

impl<'n> Stream<'n> {
    pub fn new(socket: AnyTcpSocket<'n>) -> Self {
        Stream { socket, ends: None, sent: 0, last: None, is_busy: false, is_over: false }
    }

    pub fn is_over(&self) -> bool {
        self.is_over
    }

    pub fn go_on(&mut self) {
        self.socket = finish(self.socket.take());
        if let (None, AnyTcpSocket::Connected(socket)) = (self.ends, &self.socket) {
            self.ends = socket.local_endpoint().ok().and_then(|local| {
                Some(((local.addr?, local.port).into(), socket.remote_endpoint().ok()?))
            });
        }
        self.is_over |= matches!(self.socket, AnyTcpSocket::Closed(_));
    }

    pub fn send(&mut self, len: usize) {
        let AnyTcpSocket::Connected(socket) = &mut self.socket else { return };
        let data: Vec<u8> = (self.sent..self.sent + len).map(|at| at as u8).collect();
        if let Ok(taken) = socket.send(&data) {
            assert!((1..=len).contains(&taken));
            self.sent += taken;
        }
    }

    pub fn shut_down(&mut self) {
        self.socket = match self.socket.take() {
            AnyTcpSocket::Connected(socket) => socket.shutdown().into(),
            other => other,
        };
    }

    pub fn close(self) {
        if let AnyTcpSocket::Connected(socket) = self.socket {
            drop(socket.close());
        }
    }

    /// Begins to read, or has better things to do.
    pub fn reads(&mut self, peer: &Peer, is_busy: bool) {
        self.is_busy = is_busy;
        self.receive(peer);
    }

    /// Reads what there is.
    pub fn receive(&mut self, peer: &Peer) {
        let mut buffer = [0; 128];
        while !self.is_busy {
            let received = match &mut self.socket {
                AnyTcpSocket::Connected(socket) => socket.receive(&mut buffer),
                AnyTcpSocket::HalfClosed(socket) => socket.receive(&mut buffer),
                _ => return,
            };
            match received {
                Ok(len) => self.check(&buffer[..len], peer),
                Err(nb::Error::WouldBlock) => return,
                Err(nb::Error::Other(error)) => {
                    // After the peer's end there may be something to say.
                    self.is_over |= error != sockstate::Error::PeerClosed;
                    return;
                }
            }
        }
    }

    fn check(&mut self, data: &[u8], peer: &Peer) {
        assert!(!data.is_empty(), "a receipt of nothing");
        let is_believed = self.ends.is_some_and(|(local, remote)| !peer.has_lied(local, remote));
        for byte in data {
            let follows = self.last.is_none_or(|last| *byte == last.wrapping_add(1));
            assert!(follows || !is_believed, "{byte} after {:?}", self.last);
            self.last = Some(*byte);
        }
    }
}
