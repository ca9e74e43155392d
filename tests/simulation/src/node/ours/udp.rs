//! UDP sockets that talk, and those that answer.

use std::net::SocketAddr;

use sockstate::state::{Bound, Connected};
use sockstate::{Duration, Error, Instant, Net, UdpSocket, nb};

use crate::checks::{Invariant, Violation};
use crate::content::KEY;
use crate::cx::Cx;
use crate::plan::{Act, Plant};
use crate::rng::Rng;

/// The longest datagram.
const LONGEST: usize = 1_500;

/// How many are received in one turn.
const CALLS: usize = 8;

/// A UDP socket and what it does.
#[derive(Debug)]
pub struct Port<'net> {
    form: Form<'net>,
    port: u16,
    until: u64,
    talk: Option<Talk>,
    /// Since when something has been waiting to be sent.
    sending: Option<Instant>,
}

#[derive(Debug)]
enum Form<'net> {
    Bound(UdpSocket<'net, Bound>),
    Connected(UdpSocket<'net, Connected>),
}

/// What one that talks does.
#[derive(Debug)]
struct Talk {
    to: SocketAddr,
    left: u32,
    pause: u64,
    largest: u64,
    next: u64,
    rng: Rng,
}

impl Form<'_> {
    fn send(&mut self, data: &[u8], to: SocketAddr) -> nb::Result<(), Error> {
        match self {
            Form::Bound(socket) => socket.send_to(data, to),
            Form::Connected(socket) => socket.send(data),
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> nb::Result<(usize, SocketAddr), Error> {
        match self {
            Form::Bound(socket) => socket.receive_from(buffer),
            Form::Connected(socket) => {
                let from = socket.remote_endpoint()?;
                socket.receive(buffer).map(|size| (size, from))
            }
        }
    }

    fn flush(&mut self) -> nb::Result<(), Error> {
        match self {
            Form::Bound(socket) => socket.flush(),
            Form::Connected(socket) => socket.flush(),
        }
    }
}

impl<'net> Port<'net> {
    /// One that answers.
    pub fn echo(net: &'net Net, port: u16, until: u64) -> Result<Self, Error> {
        let form = Form::Bound(net.udp()?.bind(port)?);
        Ok(Port { form, port, until, talk: None, sending: None })
    }

    /// One that talks.
    pub fn talk(net: &'net Net, act: &Act, cx: &Cx<'_>) -> Result<Self, Error> {
        let Act::Talk { to, v6, port, from, connects, count, pause, largest, time } = *act else {
            return Err(Error::WrongState);
        };
        let to = cx.shared.addresses.endpoint(to, v6, port);
        let socket = match from {
            Some(from) => net.udp()?.bind(from)?.connect(to)?,
            None => net.udp()?.connect(to)?,
        };
        let port = socket.local_endpoint()?.port;
        let form =
            if connects { Form::Connected(socket) } else { Form::Bound(socket.disconnect()) };
        let rng = Rng::new(cx.now);
        let talk = Talk { to, left: count, pause, largest, next: cx.now, rng };
        Ok(Port { form, port, until: cx.now + time, talk: Some(talk), sending: None })
    }

    /// Whether it is over.
    pub fn step(&mut self, unreachable: u64, cx: &mut Cx<'_>) -> Result<bool, Violation> {
        if cx.now >= self.until {
            return Ok(true);
        }
        cx.wake_at(self.until);
        self.receive(cx)?;
        self.talk_on(cx)?;
        self.watch(unreachable, cx)?;
        Ok(false)
    }

    fn receive(&mut self, cx: &mut Cx<'_>) -> Result<(), Violation> {
        let mut buffer = [0; LONGEST];
        for _ in 0..CALLS {
            // Now and then there is no room for a long one.
            let room = if cx.now.is_multiple_of(5) { 100 } else { LONGEST };
            let buffer = &mut buffer[..room];
            let (received, size, from) = match self.form.receive(buffer) {
                Ok((size, from)) => (size, size, Some(from)),
                Err(nb::Error::Other(Error::Truncated(size))) => (room, size.into(), None),
                Err(nb::Error::WouldBlock) => return Ok(()),
                Err(nb::Error::Other(error)) => {
                    self.failed(error, cx);
                    return Ok(());
                }
            };
            let data = &buffer[..received];
            let shared = &mut *cx.shared;
            shared.stats.datagrams_received += 1;
            let said = shared.datagrams.receive(
                (cx.node, self.port),
                from,
                data,
                size,
                &mut shared.stats.checks,
            );
            cx.heed(said)?;
            if let (Form::Bound(_), None, Some(from)) = (&self.form, &self.talk, from) {
                self.send(size, from, cx);
            }
        }
        cx.wake_at(cx.now);
        Ok(())
    }

    fn talk_on(&mut self, cx: &mut Cx<'_>) -> Result<(), Violation> {
        let Some(talk) = &mut self.talk else { return Ok(()) };
        if talk.left == 0 {
            return Ok(());
        }
        if cx.now >= talk.next {
            talk.next = cx.now + talk.pause;
            talk.left -= 1;
            let size = talk.rng.scaled(KEY as u64, talk.largest) as usize;
            let to = talk.to;
            self.send(size, to, cx);
        }
        if let Some(talk) = &self.talk {
            cx.wake_at(talk.next);
        }
        Ok(())
    }

    fn send(&mut self, size: usize, to: SocketAddr, cx: &mut Cx<'_>) {
        let mut buffer = [0; LONGEST];
        let data = &mut buffer[..size];
        cx.shared.datagrams.fill(data);
        match self.form.send(data, to) {
            Ok(()) => {
                cx.shared.stats.datagrams_sent += 1;
                self.sending = Some(cx.own);
                if !cx.has(Plant::StrangeDatagram) {
                    cx.shared.datagrams.sent(cx.node, self.port, to, size);
                }
            }
            Err(nb::Error::WouldBlock) => {}
            Err(nb::Error::Other(error)) => self.failed(error, cx),
        }
    }

    fn failed(&mut self, error: Error, cx: &mut Cx<'_>) {
        cx.note(format_args!("UDP port {}: {error}", self.port));
        if matches!(error, Error::Refused | Error::Unreachable) {
            cx.shared.stats.icmp_errors += 1;
        }
    }

    /// Sees to it that datagrams are given up in time whose next hop does not answer.
    fn watch(&mut self, unreachable: u64, cx: &mut Cx<'_>) -> Result<(), Violation> {
        let Some(since) = self.sending else { return Ok(()) };
        match self.form.flush() {
            Err(nb::Error::WouldBlock) => {
                let limit = Duration::from_millis(unreachable);
                cx.waits(since, limit, format_args!("a datagram of port {}", self.port))
            }
            flushed => {
                self.sending = None;
                if let Err(nb::Error::Other(error)) = flushed {
                    self.failed(error, cx);
                }
                cx.shared.stats.checks.count(Invariant::Wait);
                Ok(())
            }
        }
    }
}
