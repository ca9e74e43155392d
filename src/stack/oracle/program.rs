//! What the program does with its sockets, on both sides alike.

use std::vec;

use smoltcp::socket::{tcp, udp};
use smoltcp::time::Duration;
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::{
    CONNECT_PORTS, LISTEN_PORTS, Listener, PEER_PORTS, UDP_BUFFER, UDP_PORTS, World,
    default_options, renew,
};
use crate::addr::{ip_addr, socket_addr};
use crate::stack::slot::{NONE, SlotId};
use crate::{Error, LocalEndpoint, Protocol};

impl World {
    pub(super) fn call(&mut self) {
        match self.dice.below(24) {
            0 | 1 => self.listen(),
            2 => drop(self.bind(&LISTEN_PORTS).map(|id| self.bound.push(id))),
            3 | 4 => self.connect(),
            5..=7 => self.accept(),
            8 if self.dice.one_in(4) => self.stop_listening(),
            9..=12 => self.with_held(Self::send),
            13..=16 => self.with_held(Self::receive),
            17 => self.with_held(Self::shut_down),
            18 if self.dice.one_in(2) => self.with_held(Self::abort),
            19 => self.with_held(Self::set_option),
            20 => self.bind_udp(),
            21 | 22 => self.use_udp(),
            23 if self.dice.one_in(4) => self.close_udp(),
            _ => {}
        }
    }

    fn with_held(&mut self, call: fn(&mut Self, SlotId)) {
        if !self.held.is_empty() {
            let id = self.dice.pick(&self.held);
            call(self, id);
        }
    }

    fn local_endpoint(&mut self, ports: &[u16]) -> LocalEndpoint {
        let addr = self.dice.pick(&self.networks).address();
        let addr = self.dice.one_in(2).then(|| ip_addr(addr));
        LocalEndpoint { addr, port: self.dice.pick(ports) }
    }

    fn remote_endpoint(&mut self, ports: &[u16]) -> IpEndpoint {
        let addr = self.peer();
        IpEndpoint::new(addr, self.dice.pick(ports))
    }

    pub(super) fn peer(&mut self) -> IpAddress {
        let from = if self.dice.one_in(4) { &self.strangers } else { &self.neighbors };
        self.dice.pick(&from.clone())
    }

    fn bind(&mut self, ports: &[u16]) -> Option<SlotId> {
        let local = self.local_endpoint(ports);
        let id = self.core(|core| {
            let id = core.open(Protocol::Tcp).ok()?;
            if core.tcp_bind(id, local).is_err() {
                core.release(id);
                return None;
            }
            Some(id)
        })?;
        let socket = self.plain_tcp(id);
        renew(socket);
        default_options(socket);
        Some(id)
    }

    fn bound(&mut self, ports: &[u16]) -> Option<SlotId> {
        if self.bound.is_empty() || self.dice.one_in(2) {
            return self.bind(ports);
        }
        let at = self.dice.below(self.bound.len());
        Some(self.bound.swap_remove(at))
    }

    fn listen(&mut self) {
        let Some(head) = self.bound(&LISTEN_PORTS) else { return };
        let backlog = 1 + self.dice.below(3) as u16;
        if self.core(|core| core.tcp_listen(head, backlog)).is_err() {
            // No slot for the backlog, or the address is gone.
            return self.core(|core| core.release(head));
        }
        self.listeners.push(Listener { head, backlog });
        self.mirror_backlog();
    }

    fn connect(&mut self) {
        let Some(id) = self.bound(&CONNECT_PORTS) else { return };
        let remote = self.remote_endpoint(&PEER_PORTS);
        let local = self.core(|core| match core.tcp_connect(id, socket_addr(remote)) {
            Ok(()) => core.tcp(id).unwrap().local_endpoint(),
            Err(_) => {
                core.release(id);
                None
            }
        });
        if let Some(local) = local {
            let socket = self.set.get_mut::<tcp::Socket>(self.tcp[usize::from(id)]);
            socket.connect(self.plain.context(), remote, local).unwrap();
            self.requested.push((local, remote));
            self.held.push(id);
        }
    }

    fn accept(&mut self) {
        if self.listeners.is_empty() {
            return;
        }
        let at = self.dice.below(self.listeners.len());
        let Listener { mut head, backlog } = self.listeners[at];
        let accepted = self.core(|core| core.tcp_accept(&mut head, backlog));
        self.listeners[at].head = head;
        self.held.extend(accepted.map(|(id, _)| id));
        self.mirror_backlog();
    }

    fn stop_listening(&mut self) {
        if self.listeners.is_empty() {
            return;
        }
        let at = self.dice.below(self.listeners.len());
        let Listener { head, .. } = self.listeners.swap_remove(at);
        let mut group = vec![head];
        while let Some(next) = self.core(|core| core.slot(group[group.len() - 1]).map(|s| s.group))
            && next != NONE
        {
            group.push(next);
        }
        self.core(|core| core.release(head));
        for id in group {
            let socket = self.plain_tcp(id);
            match socket.state() {
                tcp::State::Listen => socket.close(),
                _ => socket.abort(),
            }
        }
    }

    fn send(&mut self, id: SlotId) {
        let len = self.dice.below(1_000);
        let data = self.dice.bytes(len);
        let ours = self.core(|core| core.tcp_send(id, &data));
        let plain = self.plain_tcp(id).send_slice(&data);
        let place = self.place();
        match ours {
            Ok(sent) => assert_eq!(Ok(sent), plain, "{place}"),
            Err(nb::Error::WouldBlock) => assert_eq!(Ok(0), plain, "{place}"),
            Err(nb::Error::Other(_)) => {
                assert_eq!(Err(tcp::SendError::InvalidState), plain, "{place}")
            }
        }
    }

    /// Takes what smoltcp would throw away at the end of TIME-WAIT.
    pub(super) fn receive_before_time_wait_ends(&mut self) {
        for id in self.held.clone() {
            while self.plain_tcp(id).state() == tcp::State::TimeWait
                && self.plain_tcp(id).can_recv()
            {
                self.receive(id);
            }
        }
    }

    fn receive(&mut self, id: SlotId) {
        let len = 1 + self.dice.below(1_500);
        let (mut our_data, mut plain_data) = (vec![0; len], vec![0; len]);
        let ours = self.core(|core| core.tcp_receive(id, &mut our_data));
        let plain = self.plain_tcp(id).recv_slice(&mut plain_data);
        let place = self.place();
        assert_eq!(our_data, plain_data, "{place}");
        match (ours, plain) {
            (Ok(ours), Ok(plain)) => assert_eq!(ours, plain, "{place}"),
            (Err(nb::Error::WouldBlock), Ok(0)) => {}
            (Err(nb::Error::Other(error)), Err(tcp::RecvError::Finished)) => {
                assert_eq!(error, Error::PeerClosed, "{place}");
            }
            (Err(nb::Error::Other(_)), Err(tcp::RecvError::InvalidState)) => {}
            other => panic!("{place}: {other:?}"),
        }
    }

    fn shut_down(&mut self, id: SlotId) {
        // What is not connected yet has no such call.
        if !matches!(self.plain_tcp(id).state(), tcp::State::SynSent | tcp::State::SynReceived) {
            self.core(|core| core.tcp_shutdown(id));
            self.plain_tcp(id).close();
        }
    }

    fn abort(&mut self, id: SlotId) {
        self.held.retain(|held| *held != id);
        self.core(|core| core.tcp_abort(id));
        self.plain_tcp(id).abort();
    }

    fn set_option(&mut self, id: SlotId) {
        let on = self.dice.one_in(2);
        let option = self.dice.below(4);
        let set = |socket: &mut tcp::Socket<'_>| match option {
            0 => socket.set_nagle_enabled(on),
            1 => socket.set_ack_delay(on.then_some(Duration::from_millis(10))),
            2 => socket.set_keep_alive(on.then_some(Duration::from_secs(1))),
            _ => socket.set_hop_limit(on.then_some(9)),
        };
        self.core(|core| core.tcp_set_option(id, set));
        set(self.plain_tcp(id));
    }

    fn bind_udp(&mut self) {
        let local = self.local_endpoint(&UDP_PORTS);
        let id = self.core(|core| {
            let id = core.open(Protocol::Udp).ok()?;
            if core.udp_bind(id, local).is_err() {
                core.release(id);
                return None;
            }
            Some(id)
        });
        if let Some(id) = id {
            self.plain_udp(id).bind(local.to_listen_endpoint().unwrap()).unwrap();
            self.open_udp.push(id);
        }
    }

    fn use_udp(&mut self) {
        if self.open_udp.is_empty() {
            return;
        }
        let id = self.dice.pick(&self.open_udp);
        if self.dice.one_in(2) {
            self.send_datagram(id);
        } else {
            self.receive_datagram(id);
        }
    }

    fn send_datagram(&mut self, id: SlotId) {
        let remote = self.remote_endpoint(&PEER_PORTS);
        let len = self.dice.below(300);
        let data = self.dice.bytes(len);
        let mut fill = Some(|buffer: &mut [u8]| {
            buffer[..len].copy_from_slice(&data);
            len
        });
        let ours = self.core(|core| core.udp_send_with(id, socket_addr(remote), len, &mut fill));
        let place = self.place();
        match ours {
            Ok(sent) => {
                assert_eq!(sent, len, "{place}");
                assert_eq!(self.plain_udp(id).send_slice(&data, remote), Ok(()), "{place}");
            }
            Err(nb::Error::WouldBlock) => {
                let plain = self.plain_udp(id).send_slice(&data, remote);
                assert_eq!(plain, Err(udp::SendError::BufferFull), "{place}");
            }
            // Without an address or a route smoltcp would keep the datagram, or lose it.
            Err(nb::Error::Other(_)) => {}
        }
    }

    fn receive_datagram(&mut self, id: SlotId) {
        let mut buffer = [0; UDP_BUFFER];
        let ours = self.core(|core| core.udp_receive(id, &mut buffer));
        let ours = ours.ok().map(|(len, from)| (buffer[..len].to_vec(), from));
        let plain = self.plain_udp(id).recv().ok();
        let plain = plain.map(|(data, meta)| (data.to_vec(), socket_addr(meta.endpoint)));
        assert_eq!(ours, plain, "{}", self.place());
    }

    fn close_udp(&mut self) {
        self.settle();
        if let Some(id) = self.open_udp.pop() {
            self.core(|core| core.release(id));
            self.plain_udp(id).close();
        }
    }
}
