//! Listeners, and what they accept.

use sockstate::smoltcp::socket::tcp::State;
use sockstate::state::Listening;
use sockstate::{Error, Net, TcpSocket, nb};

use super::Ours;
use crate::checks::{Invariant, Violation};
use crate::cx::Cx;
use crate::plan::Script;
use crate::rng::mix;

#[derive(Debug)]
pub struct Listener<'net> {
    socket: TcpSocket<'net, Listening>,
    until: u64,
    /// Of the script of the next connection.
    script: u64,
}

impl<'net> Listener<'net> {
    pub fn open(
        net: &'net Net,
        (port, backlog): (u16, u16),
        until: u64,
        script: u64,
    ) -> Result<Self, Error> {
        let socket = net.tcp()?.bind(port)?.listen(backlog)?;
        Ok(Listener { socket, until, script })
    }
}

impl<'net> Ours<'net> {
    pub(super) fn step_listeners(&mut self, cx: &mut Cx<'_>) -> Result<(), Violation> {
        self.listeners.retain(|listener| cx.now < listener.until);
        for index in 0..self.listeners.len() {
            while let Some(listener) = self.listeners.get_mut(index) {
                cx.wake_at(listener.until);
                let (socket, remote) = match listener.socket.accept() {
                    Ok(accepted) => accepted,
                    Err(nb::Error::WouldBlock) => break,
                    Err(nb::Error::Other(never)) => match never {},
                };
                cx.shared.stats.accepted += 1;
                cx.shared.stats.checks.count(Invariant::State);
                let state = socket.tcp_state().unwrap_or(State::Closed);
                if socket.remote_endpoint() != Ok(remote)
                    || !matches!(state, State::Established | State::CloseWait)
                {
                    let text = format!("accepted from {remote} in {state}");
                    return cx.fails(Invariant::State, text);
                }
                let script = Script::random(listener.script);
                listener.script = mix(listener.script);
                self.begin_talk(socket, script, cx)?;
            }
        }
        Ok(())
    }
}
