//! A node with bare smoltcp, as others use it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{self, RecvError, State};
use smoltcp::socket::udp;
use smoltcp::wire::{EthernetAddress, IpEndpoint};
use sockstate::{Duration, Error, Instant, nb};

use super::line::Line;
use super::talk::Talk;
use crate::checks::Violation;
use crate::cx::Cx;
use crate::net::{Addresses, Device, Last};
use crate::plan::{Act, Node, Script};
use crate::rng::mix;

/// Ports of its own connections, one after the other.
const FIRST_PORT: u16 = 20_000;

/// The longest datagram.
const LONGEST: usize = 1_500;

type Sockets = Rc<RefCell<SocketSet<'static>>>;

/// A node with bare smoltcp.
pub struct Stranger {
    device: Device,
    iface: Interface,
    sockets: Sockets,
    slots: Vec<Slot>,
    listeners: Vec<Listener>,
    /// Of a socket that answers datagrams.
    echo: SocketHandle,
    port: u16,
    patience: Duration,
}

/// A port at which one socket after the other listens.
struct Listener {
    port: u16,
    until: u64,
    /// Of the script of the next connection.
    script: u64,
}

/// A socket and what is done with it.
struct Slot {
    handle: SocketHandle,
    work: Work,
}

enum Work {
    Nothing,
    Listen {
        port: u16,
        script: u64,
    },
    Dial {
        until: u64,
        script: u64,
    },
    Talk(Box<Talk<StrangeLine>>),
    /// What is left of a connection.
    Rest,
}

impl Stranger {
    pub fn new(mut device: Device, mac: [u8; 6], node: &Node, seed: u64, now: Instant) -> Self {
        let mut config = Config::new(EthernetAddress(mac).into());
        config.random_seed = seed;
        let iface = Interface::new(config, &mut device, now);
        let mut sockets = SocketSet::new(vec![]);
        let slots = (0..node.tcp).map(|_| {
            let buffer = |size: usize| tcp::SocketBuffer::new(vec![0; size]);
            let socket = tcp::Socket::new(buffer(node.tcp_rx), buffer(node.tcp_tx));
            Slot { handle: sockets.add(socket), work: Work::Nothing }
        });
        let slots = slots.collect();
        let buffer = || {
            let places = vec![udp::PacketMetadata::EMPTY; node.udp_packets];
            udp::PacketBuffer::new(places, vec![0; node.udp_buf])
        };
        let echo = sockets.add(udp::Socket::new(buffer(), buffer()));
        let patience = Duration::from_millis(node.limits.unreachable);
        let sockets = Rc::new(RefCell::new(sockets));
        Stranger {
            device,
            iface,
            sockets,
            slots,
            listeners: Vec::new(),
            echo,
            port: FIRST_PORT,
            patience,
        }
    }

    pub fn set_addresses(&mut self, node: usize, addresses: &Addresses) {
        self.iface.update_ip_addrs(|addrs| {
            addrs.clear();
            for v6 in [false, true] {
                addrs.push(addresses.network(node, v6)).expect("there is room for two");
            }
        });
    }

    /// Moves frames. Whether there were any.
    pub fn poll(&mut self, own: Instant) -> bool {
        let sockets = &mut self.sockets.borrow_mut();
        self.iface.poll(own, &mut self.device, sockets) != smoltcp::iface::PollResult::None
    }

    pub fn poll_delay(&mut self, own: Instant) -> Option<Duration> {
        self.iface.poll_delay(own, &self.sockets.borrow())
    }

    /// Begins something, if it knows how and has a socket for it.
    pub fn act(&mut self, act: &Act, cx: &mut Cx<'_>) {
        let begun = match *act {
            Act::Listen { port, time, script, .. } => {
                self.listeners.push(Listener { port, until: cx.now + time, script });
                Some(())
            }
            Act::Dial { to, v6, port, patience, script, .. } => {
                let remote: IpEndpoint = cx.shared.addresses.endpoint(to, v6, port).into();
                let local = self.port;
                self.port = self.port.checked_add(1).unwrap_or(FIRST_PORT);
                cx.shared.stats.dials += 1;
                self.begin(|iface, socket| {
                    socket.connect(iface.context(), remote, local).ok()?;
                    Some(Work::Dial { until: cx.now.saturating_add(patience), script })
                })
            }
            Act::Echo { port, .. } => {
                let sockets = &mut self.sockets.borrow_mut();
                let socket = sockets.get_mut::<udp::Socket>(self.echo);
                socket.close();
                socket.bind(port).ok()
            }
            _ => None,
        };
        if begun.is_none() {
            cx.shared.stats.without_room += 1;
        }
    }

    /// Has a socket listen at each port that has none.
    fn listen(&mut self, cx: &mut Cx<'_>) {
        self.listeners.retain(|listener| cx.now < listener.until);
        let mut listeners = std::mem::take(&mut self.listeners);
        for Listener { port, until, script } in &mut listeners {
            cx.wake_at(*until);
            let listens =
                |slot: &Slot| matches!(slot.work, Work::Listen { port: at, .. } if at == *port);
            if self.slots.iter().any(listens) {
                continue;
            }
            *script = mix(*script);
            let work = Work::Listen { port: *port, script: *script };
            self.begin(|_, socket| socket.listen(*port).ok().map(|()| work));
        }
        self.listeners = listeners;
    }

    fn begin(
        &mut self,
        work: impl FnOnce(&mut Interface, &mut tcp::Socket<'static>) -> Option<Work>,
    ) -> Option<()> {
        let slot = self.slots.iter_mut().find(|slot| matches!(slot.work, Work::Nothing))?;
        let sockets = &mut self.sockets.borrow_mut();
        let socket = sockets.get_mut::<tcp::Socket>(slot.handle);
        socket.abort();
        socket.set_timeout(Some(self.patience));
        slot.work = work(&mut self.iface, socket)?;
        Some(())
    }

    /// Gives every application its turn.
    pub fn step(&mut self, cx: &mut Cx<'_>) -> Result<(), Violation> {
        for slot in &mut self.slots {
            let work = std::mem::replace(&mut slot.work, Work::Nothing);
            slot.work = step(slot.handle, work, &self.sockets, cx)?;
        }
        self.listen(cx);
        self.answer(cx)
    }

    /// Answers datagrams.
    fn answer(&mut self, cx: &mut Cx<'_>) -> Result<(), Violation> {
        let sockets = &mut self.sockets.borrow_mut();
        let socket = sockets.get_mut::<udp::Socket>(self.echo);
        let port = socket.endpoint().port;
        let mut buffer = [0; LONGEST];
        while let Ok((data, meta)) = socket.recv() {
            let size = data.len();
            let to = SocketAddr::new(meta.endpoint.addr.into(), meta.endpoint.port);
            let shared = &mut *cx.shared;
            shared.stats.datagrams_received += 1;
            let checks = &mut shared.stats.checks;
            let said = shared.datagrams.receive((cx.node, port), Some(to), data, size, checks);
            cx.heed(said)?;
            let answer = &mut buffer[..size];
            cx.shared.datagrams.fill(answer);
            if socket.send_slice(answer, meta.endpoint).is_ok() {
                cx.shared.datagrams.sent(cx.node, port, to, size);
                cx.shared.stats.datagrams_sent += 1;
            }
        }
        Ok(())
    }

    /// Ends all that it does.
    pub fn leave(&mut self) {
        let sockets = &mut self.sockets.borrow_mut();
        self.listeners.clear();
        for slot in &mut self.slots {
            slot.work = Work::Nothing;
            sockets.get_mut::<tcp::Socket>(slot.handle).abort();
        }
        sockets.get_mut::<udp::Socket>(self.echo).close();
    }
}

fn step(
    handle: SocketHandle,
    work: Work,
    sockets: &Sockets,
    cx: &mut Cx<'_>,
) -> Result<Work, Violation> {
    let (state, ends) = {
        let set = sockets.borrow();
        let socket = set.get::<tcp::Socket>(handle);
        (socket.state(), ends(socket))
    };
    let abort = || sockets.borrow_mut().get_mut::<tcp::Socket>(handle).abort();
    let is_open = !matches!(state, State::Listen | State::SynSent | State::SynReceived);
    match work {
        Work::Nothing => Ok(Work::Nothing),
        Work::Dial { until, .. } if cx.now >= until => {
            abort();
            Ok(Work::Rest)
        }
        Work::Listen { script, .. } | Work::Dial { script, .. } if is_open => {
            let is_dial = matches!(work, Work::Dial { .. });
            let Some(ends) = ends.filter(|_| state != State::Closed) else {
                cx.shared.stats.refused += u64::from(is_dial);
                return Ok(Work::Rest);
            };
            let stats = &mut cx.shared.stats;
            *if is_dial { &mut stats.connected } else { &mut stats.accepted } += 1;
            let line = StrangeLine { sockets: sockets.clone(), handle };
            let script = Script::random(mix(script));
            Ok(Work::Talk(Box::new(Talk::new(line, ends, script, None, cx))))
        }
        Work::Listen { .. } => Ok(work),
        Work::Dial { until, .. } => {
            cx.wake_at(until);
            Ok(work)
        }
        Work::Talk(mut talk) => {
            if !talk.step(cx)? {
                return Ok(Work::Talk(talk));
            }
            let mut set = sockets.borrow_mut();
            set.get_mut::<tcp::Socket>(handle).close();
            Ok(Work::Rest)
        }
        Work::Rest if state == State::TimeWait || state == State::Closed && ends.is_none() => {
            abort();
            Ok(Work::Nothing)
        }
        Work::Rest => {
            // Nobody wants what still arrives.
            let mut set = sockets.borrow_mut();
            let _ = set.get_mut::<tcp::Socket>(handle).recv(|data| (data.len(), ()));
            Ok(Work::Rest)
        }
    }
}

fn ends(socket: &tcp::Socket<'_>) -> Option<(SocketAddr, SocketAddr)> {
    let addr = |end: IpEndpoint| SocketAddr::new(end.addr.into(), end.port);
    Some((addr(socket.local_endpoint()?), addr(socket.remote_endpoint()?)))
}

/// A connection of bare smoltcp.
struct StrangeLine {
    sockets: Sockets,
    handle: SocketHandle,
}

impl StrangeLine {
    fn with<R>(&self, work: impl FnOnce(&mut tcp::Socket<'static>) -> R) -> R {
        work(self.sockets.borrow_mut().get_mut(self.handle))
    }
}

impl Line for StrangeLine {
    const KEEPS: bool = false;

    fn set_options(&mut self, script: &Script) {
        self.with(|socket| {
            socket.set_nagle_enabled(script.nagle);
            socket.set_ack_delay(script.delays_acks.then(|| Duration::from_millis(10)));
            socket.set_keep_alive(script.keep_alive.map(Duration::from_millis));
        });
    }

    fn send(&mut self, data: &[u8]) -> nb::Result<usize, Error> {
        match self.with(|socket| socket.send_slice(data)) {
            Ok(0) => Err(nb::Error::WouldBlock),
            Ok(sent) => Ok(sent),
            Err(_) => Err(Error::Reset.into()),
        }
    }

    fn receive(&mut self, buffer: &mut [u8]) -> nb::Result<usize, Error> {
        match self.with(|socket| socket.recv_slice(buffer)) {
            Ok(0) => Err(nb::Error::WouldBlock),
            Ok(received) => Ok(received),
            Err(RecvError::Finished) => Err(Error::PeerClosed.into()),
            Err(RecvError::InvalidState) => Err(Error::Reset.into()),
        }
    }

    fn flush(&mut self) -> nb::Result<(), Error> {
        match (self.state(), self.queued()) {
            (State::Closed, _) => Err(Error::Reset.into()),
            (_, 0) => Ok(()),
            _ => Err(nb::Error::WouldBlock),
        }
    }

    fn queued(&self) -> usize {
        self.with(|socket| socket.send_queue())
    }

    fn state(&self) -> State {
        self.with(|socket| socket.state())
    }

    fn shutdown(&mut self) {
        self.with(|socket| socket.close());
    }

    fn close(&mut self) {
        self.with(|socket| socket.close());
    }

    fn poll_closed(&mut self) -> nb::Result<(), Error> {
        Ok(())
    }

    fn abort(&mut self) {
        self.with(|socket| socket.abort());
    }

    fn contradiction(&self, _is_half_closed: bool) -> Option<String> {
        None
    }

    fn heard(&self) -> Option<Last> {
        None
    }

    fn sent_at(&self) -> Option<Instant> {
        None
    }

    fn spoke_at(&self) -> Option<Instant> {
        None
    }
}
