//! Datagrams.

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::checks::{Checks, Invariant};
use crate::content::{KEY, fill, key_of, mismatch};
use crate::net::owner;
use crate::rng::mix;

/// How many are remembered.
const MOST: usize = 65_536;

#[derive(Clone, Debug)]
struct Datagram {
    node: usize,
    port: u16,
    to: SocketAddr,
    size: usize,
    /// How often it may arrive, less how often it has.
    copies: u32,
}

#[derive(Clone, Debug, Default)]
pub struct Datagrams {
    secret: u64,
    /// The number of the first one that is remembered.
    first: u64,
    sent: VecDeque<Datagram>,
}

impl Datagrams {
    pub fn new(seed: u64) -> Self {
        Datagrams { secret: mix(seed) & !0xffff_ffff, ..Datagrams::default() }
    }

    /// The key of the next datagram: its number, and what none other has.
    fn next_key(&self) -> u64 {
        self.secret ^ (self.first + self.sent.len() as u64)
    }

    /// Writes the next datagram.
    pub fn fill(&self, buffer: &mut [u8]) {
        fill(self.next_key(), 0, buffer);
    }

    /// The next datagram was sent.
    pub fn sent(&mut self, node: usize, port: u16, to: SocketAddr, size: usize) {
        if self.sent.len() == MOST {
            self.sent.pop_front();
            self.first += 1;
        }
        self.sent.push_back(Datagram { node, port, to, size, copies: 1 });
    }

    /// The network has made one more of a datagram, if it is one.
    pub fn copied(&mut self, key: u64) {
        if let Some(datagram) = self.find(key) {
            datagram.copies += 1;
        }
    }

    fn find(&mut self, key: u64) -> Option<&mut Datagram> {
        let index = (key ^ self.secret).checked_sub(self.first)?;
        self.sent.get_mut(usize::try_from(index).ok()?)
    }

    /// Checks what a node received at a port: all of it, or for want of room the beginning of
    /// `size` bytes; then it is not told from whom.
    pub fn receive(
        &mut self,
        (node, port): (usize, u16),
        from: Option<SocketAddr>,
        data: &[u8],
        size: usize,
        checks: &mut Checks,
    ) -> Result<(), (Invariant, String)> {
        checks.count(Invariant::Datagram);
        let broken = |text: String| {
            Err((Invariant::Datagram, format!("{text}: {size} bytes from {from:?} at port {port}")))
        };
        let Some(key) = key_of(data).filter(|_| size >= KEY) else {
            return broken("shorter than any that was sent".into());
        };
        let Some(datagram) = self.find(key) else { return broken("nobody sent it".into()) };
        if let Some(from) = from
            && (datagram.node, datagram.port) != (owner(from.ip()), from.port())
        {
            return broken(format!("node {} sent it from {}", datagram.node, datagram.port));
        }
        if (owner(datagram.to.ip()), datagram.to.port()) != (node, port) {
            return broken(format!("it was sent to {}", datagram.to));
        }
        if datagram.size != size {
            return broken(format!("it had {} bytes", datagram.size));
        }
        if datagram.copies == 0 {
            return broken("it was received more often than it arrived".into());
        }
        datagram.copies -= 1;
        match mismatch(key, 0, data) {
            Some(at) => broken(format!("byte {at} is another one than was sent")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 40;

    /// What is said of a datagram of node 0 to node 1, port 80, that was changed and received.
    fn said_of(
        times: usize,
        copies: usize,
        change: impl Fn(&mut Vec<u8>, &mut (usize, u16), &mut SocketAddr),
    ) -> Result<(), (Invariant, String)> {
        let mut datagrams = Datagrams::new(7);
        let mut data = vec![0; SIZE];
        datagrams.fill(&mut data);
        datagrams.sent(0, 5_000, "10.0.0.11:80".parse().unwrap(), SIZE);
        for _ in 0..copies {
            datagrams.copied(key_of(&data).unwrap());
        }
        let (mut at, mut from) = ((1, 80), "10.0.0.10:5000".parse().unwrap());
        change(&mut data, &mut at, &mut from);
        let mut receive = || {
            let checks = &mut Checks::default();
            datagrams.receive(at, Some(from), &data, data.len(), checks)
        };
        (0..times).try_for_each(|_| receive())
    }

    #[test]
    fn what_was_sent_may_be_received_as_often_as_it_arrives() {
        assert_eq!(said_of(1, 0, |_, _, _| {}), Ok(()));
        assert_eq!(said_of(2, 1, |_, _, _| {}), Ok(()));
        assert!(said_of(2, 0, |_, _, _| {}).is_err());
        assert!(said_of(3, 1, |_, _, _| {}).is_err());
    }

    #[test]
    fn what_is_changed_or_goes_astray_is_found_out() {
        assert!(said_of(1, 0, |data, _, _| data[30] ^= 1).is_err());
        assert!(said_of(1, 0, |data, _, _| data[0] ^= 1).is_err());
        assert!(said_of(1, 0, |data, _, _| data.truncate(SIZE - 1)).is_err());
        assert!(said_of(1, 0, |data, _, _| data.truncate(KEY - 1)).is_err());
        assert!(said_of(1, 0, |_, at, _| at.0 = 2).is_err());
        assert!(said_of(1, 0, |_, at, _| at.1 = 81).is_err());
        assert!(said_of(1, 0, |_, _, from| from.set_port(5_001)).is_err());
        assert!(said_of(1, 0, |_, _, from| from.set_ip([10, 0, 0, 12].into())).is_err());
    }
}
