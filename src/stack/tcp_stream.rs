//! TCP slots: what flows through a connection.

use core::net::SocketAddr;

use smoltcp::socket::tcp::{RecvError, Socket, State};
use smoltcp::time::Duration;

use super::core::Core;
use super::slot::{Flags, Role, SlotId};
use super::tcp::{is_complete, owes};
use crate::addr::{ip_addr, socket_addr};
use crate::{Error, LocalEndpoint};

type Nb<R> = nb::Result<R, Error>;

/// Without a pause between them, probes would leave no time for anything else.
const SHORTEST_PROBE: Duration = Duration::from_millis(1);

/// smoltcp adds intervals to times without a look at what they can hold.
const LONGEST_PROBE: Duration = Duration::from_secs(365 * 24 * 3_600);

/// How long a window has been closed before the peer is asked whether it still is (RFC 9293 section
/// 3.8.6.1): the first retransmission timeout of RFC 6298.
#[cfg(feature = "async")]
const FIRST_PROBE: Duration = Duration::from_secs(1);

impl Core {
    /// Why a connection ended.
    pub(crate) fn tcp_end(&self, id: SlotId) -> Error {
        self.slot(id).and_then(|slot| slot.end).unwrap_or(Error::PeerClosed)
    }

    #[cfg_attr(feature = "indexed", inline)]
    pub(crate) fn tcp_send(&mut self, id: SlotId, data: &[u8]) -> Nb<usize> {
        let Some(slot) = self.table.get_mut(id) else { return Err(Error::WrongState.into()) };
        let Some(socket) = slot.tcp_mut() else { return Err(Error::WrongState.into()) };
        match socket.send_slice(data) {
            Ok(0) if data.is_empty() => Ok(0),
            Ok(0) => Err(nb::Error::WouldBlock),
            Ok(sent) => {
                if !slot.links.touch() {
                    self.table.touch(id);
                }
                Ok(sent)
            }
            Err(_) => Err(self.tcp_end(id).into()),
        }
    }

    #[cfg(feature = "async")]
    fn tcp_queue(&mut self, id: SlotId, data: &[u8]) -> Nb<usize> {
        let Some(socket) = self.tcp_mut(id) else { return Err(Error::WrongState.into()) };
        match socket.send_slice(data) {
            Ok(0) if !data.is_empty() => Err(nb::Error::WouldBlock),
            Ok(sent) => Ok(sent),
            Err(_) => Err(self.tcp_end(id).into()),
        }
    }

    /// As `tcp_send`, for a task, which hands to the device itself what it queues
    /// (`Net::with_core_in_task`). A short segment that nothing holds back is left to whoever runs
    /// the stack, whose turn comes after the task's: what the task writes next may join it, unless
    /// Nagle's algorithm is off.
    #[cfg(feature = "async")]
    pub(crate) fn tcp_send_in_task(&mut self, id: SlotId, data: &[u8]) -> Nb<usize> {
        let was_empty = self.tcp_send_queue(id) == 0;
        let sent = self.tcp_queue(id, data)?;
        if sent == 0 {
            return Ok(0);
        }
        if self.slot(id).is_some_and(|slot| slot.flags.has(Flags::FULL)) {
            // smoltcp would ask at once whether the window is still closed, though the peer tells
            // when it is not.
            self.table.schedule(id, self.now + FIRST_PROBE);
            return Ok(sent);
        }
        self.table.touch(id);
        let fills = sent >= self.caps.ip_mtu() || self.tcp_send_room(id) == Ok(0);
        let joins = self.tcp(id).is_some_and(|socket| socket.nagle_enabled());
        if was_empty && joins && !fills {
            self.leave_to_runner();
        }
        Ok(sent)
    }

    /// `fill` is taken when there is room for it.
    pub(crate) fn tcp_send_with<R>(
        &mut self,
        id: SlotId,
        fill: &mut Option<impl FnOnce(&mut [u8]) -> (usize, R)>,
    ) -> Nb<R> {
        if self.tcp_send_room(id)? == 0 {
            return Err(nb::Error::WouldBlock);
        }
        let Some(socket) = self.tcp_mut(id) else { return Err(Error::WrongState.into()) };
        let Some(fill) = fill.take() else { return Err(nb::Error::WouldBlock) };
        let sent = socket.send(|buffer| {
            let (filled, result) = fill(buffer);
            (filled.min(buffer.len()), result)
        });
        self.table.touch(id);
        sent.map_err(|_| self.tcp_end(id).into())
    }

    pub(crate) fn tcp_send_room(&self, id: SlotId) -> Result<usize, Error> {
        match self.tcp(id) {
            Some(socket) if socket.may_send() => Ok(socket.send_capacity() - socket.send_queue()),
            _ => Err(self.tcp_end(id)),
        }
    }

    pub(crate) fn tcp_send_queue(&self, id: SlotId) -> usize {
        self.tcp(id).map_or(0, |socket| socket.send_queue())
    }

    pub(crate) fn tcp_flush(&self, id: SlotId) -> Nb<()> {
        match self.tcp(id) {
            Some(socket) if socket.state() == State::Closed => match self.tcp_end(id) {
                // Both sides have closed, and ours went first or was acknowledged.
                Error::PeerClosed => Ok(()),
                error => Err(error.into()),
            },
            Some(socket) if owes(socket) || !is_complete(socket.state()) => {
                Err(nb::Error::WouldBlock)
            }
            _ => Ok(()),
        }
    }

    #[cfg_attr(feature = "indexed", inline)]
    pub(crate) fn tcp_receive(&mut self, id: SlotId, buffer: &mut [u8]) -> Nb<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let Some(slot) = self.table.get_mut(id) else { return Err(Error::WrongState.into()) };
        let is_listed = slot.links.list().is_some();
        let Some(socket) = slot.tcp_mut() else { return Err(Error::WrongState.into()) };
        match socket.recv_slice(buffer) {
            Ok(0) => Err(nb::Error::WouldBlock),
            Ok(received) => {
                if !is_listed {
                    self.tcp_window_grew(id);
                }
                Ok(received)
            }
            Err(error) => Err(self.tcp_stream_end(id, error).into()),
        }
    }

    /// Something was taken out of the receive buffer. The peer is told if smoltcp finds that it has
    /// to be. A connection that was cut has its RST to send, and no place yet where it waits for that.
    fn tcp_window_grew(&mut self, id: SlotId) {
        self.table.suspect(id);
    }

    fn tcp_stream_end(&self, id: SlotId, error: RecvError) -> Error {
        match error {
            RecvError::Finished => Error::PeerClosed,
            RecvError::InvalidState => self.tcp_end(id),
        }
    }

    pub(crate) fn tcp_peek(&mut self, id: SlotId, buffer: &mut [u8]) -> Nb<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.tcp_receive_queue(id)? == 0 {
            return Err(nb::Error::WouldBlock);
        }
        let Some(socket) = self.tcp_mut(id) else { return Err(Error::WrongState.into()) };
        socket.peek_slice(buffer).map_err(|_| nb::Error::WouldBlock)
    }

    /// `take` is taken when there is something for it.
    pub(crate) fn tcp_recv_with<R>(
        &mut self,
        id: SlotId,
        take: &mut Option<impl FnOnce(&mut [u8]) -> (usize, R)>,
    ) -> Nb<R> {
        if self.tcp_receive_queue(id)? == 0 {
            return Err(nb::Error::WouldBlock);
        }
        let Some(socket) = self.tcp_mut(id) else { return Err(Error::WrongState.into()) };
        let Some(take) = take.take() else { return Err(nb::Error::WouldBlock) };
        let received = socket.recv(|data| {
            let (taken, result) = take(data);
            (taken.min(data.len()), result)
        });
        self.tcp_window_grew(id);
        received.map_err(|error| self.tcp_stream_end(id, error).into())
    }

    pub(crate) fn tcp_receive_queue(&mut self, id: SlotId) -> Result<usize, Error> {
        let Some(socket) = self.tcp_mut(id) else { return Err(Error::WrongState) };
        match socket.recv_queue() {
            // What will never come is asked for, to hear why.
            0 => match socket.peek(0) {
                Ok(_) => Ok(0),
                Err(error) => Err(self.tcp_stream_end(id, error)),
            },
            waiting => Ok(waiting),
        }
    }

    pub(crate) fn tcp_local(&self, id: SlotId) -> Result<LocalEndpoint, Error> {
        let slot = self.slot(id).ok_or(Error::WrongState)?;
        let socket = slot.tcp().ok_or(Error::WrongState)?;
        if matches!(slot.role, Role::Bound | Role::Backlog) {
            let local = socket.listen_endpoint();
            return Ok(LocalEndpoint { addr: local.addr.map(ip_addr), port: local.port });
        }
        socket
            .local_endpoint()
            .map(|local| LocalEndpoint { addr: Some(ip_addr(local.addr)), port: local.port })
            .ok_or_else(|| self.tcp_end(id))
    }

    pub(crate) fn tcp_remote(&self, id: SlotId) -> Result<SocketAddr, Error> {
        self.tcp(id)
            .and_then(|socket| socket.remote_endpoint())
            .map(socket_addr)
            .ok_or_else(|| self.tcp_end(id))
    }

    pub(crate) fn tcp_state(&self, id: SlotId) -> State {
        match self.slot(id) {
            // It only remembers its address as if it listened.
            Some(slot) if slot.role == Role::Bound => State::Closed,
            Some(slot) => slot.tcp().map_or(State::Closed, |socket| socket.state()),
            None => State::Closed,
        }
    }

    /// Whether a connection request has been answered.
    pub(crate) fn tcp_connected(&self, id: SlotId) -> Nb<()> {
        match self.tcp_state(id) {
            state if is_complete(state) => Ok(()),
            State::Closed => Err(self.tcp_end(id).into()),
            _ => Err(nb::Error::WouldBlock),
        }
    }

    /// Whether a closed connection is over, and how it ended.
    pub(crate) fn tcp_closed(&self, id: SlotId) -> Nb<()> {
        match self.slot(id).and_then(|slot| slot.end) {
            Some(error) if error != Error::PeerClosed => Err(error.into()),
            _ if self.tcp_is_over(id) => Ok(()),
            _ => Err(nb::Error::WouldBlock),
        }
    }

    pub(crate) fn tcp_set_timeout(&mut self, id: SlotId, timeout: Option<Duration>) {
        if let Some(slot) = self.slot_mut(id) {
            slot.patience = timeout.into();
        }
        self.tcp_watch_if_open(id);
    }

    pub(crate) fn tcp_set_keep_alive(&mut self, id: SlotId, interval: Option<Duration>) {
        let interval = interval.map(|interval| interval.clamp(SHORTEST_PROBE, LONGEST_PROBE));
        self.tcp_set_option(id, |socket| socket.set_keep_alive(interval));
        self.tcp_watch_if_open(id);
    }

    /// A connection request, and a connection that the application has closed, keep the time
    /// limit they have.
    fn tcp_watch_if_open(&mut self, id: SlotId) {
        let closed = self.slot(id).is_none_or(|slot| slot.flags.has(Flags::DISCARD));
        if !closed && is_complete(self.tcp_state(id)) {
            self.tcp_watch(id);
        }
    }

    pub(crate) fn tcp_set_option(&mut self, id: SlotId, set: impl FnOnce(&mut Socket<'static>)) {
        if let Some(socket) = self.tcp_mut(id) {
            set(socket);
            self.table.touch(id);
        }
    }
}
