//! Calls of UDP sockets, in their types and by embedded-nal.

use embedded_nal::{UdpClientStack, UdpFullStack};
use sockstate::{AnyUdpSocket, Net, UdpSocket, Unfinished, state::State};

use super::{HOSTS, Program, data, interest, own_addr, poll_once, remote, room, take};
use crate::dice::Dice;
use crate::grammar::OWN_PORTS;

impl<'n> Program<'n> {
    pub fn call_udp(&mut self, dice: &mut Dice<'_>) {
        let net = self.net();
        match dice.below(8) {
            0 | 1 => self.udp.extend(net.udp().map(AnyUdpSocket::from)),
            2 => drop(take(dice, &mut self.udp)),
            3 => self.call_udp_nal(dice),
            _ => {
                if let Some(socket) = take(dice, &mut self.udp) {
                    self.udp.push(next(dice, socket));
                }
            }
        }
    }

    fn call_udp_nal(&mut self, dice: &mut Dice<'_>) {
        let mut net: &Net = self.net();
        if dice.one_in(4) {
            self.udp.extend(UdpClientStack::socket(&mut net));
        }
        let Some(mut socket) = take(dice, &mut self.udp) else { return };
        let mut buffer = [0; 700];
        match dice.below(6) {
            0 => drop(UdpClientStack::connect(&mut net, &mut socket, remote(dice))),
            1 => drop(UdpClientStack::send(&mut net, &mut socket, data(dice))),
            2 => drop(UdpClientStack::receive(&mut net, &mut socket, room(dice, &mut buffer))),
            3 => drop(UdpFullStack::bind(&mut net, &mut socket, dice.pick(&OWN_PORTS))),
            4 => drop(UdpFullStack::send_to(&mut net, &mut socket, remote(dice), data(dice))),
            _ => return UdpClientStack::close(&mut net, socket).unwrap(),
        }
        self.udp.push(socket);
    }
}

/// What becomes of a socket.
fn next<'n>(dice: &mut Dice<'_>, socket: AnyUdpSocket<'n>) -> AnyUdpSocket<'n> {
    let mut buffer = [0; 700];
    match socket {
        AnyUdpSocket::Idle => AnyUdpSocket::Idle,
        AnyUdpSocket::Closed(socket) => match dice.below(4) {
            0 => either(socket.connect(remote(dice))),
            1 => either(socket.connect_by_name(dice.pick(&HOSTS), 7)),
            2 => either(socket.bind(dice.pick(&OWN_PORTS))),
            _ => either(socket.bind((own_addr(dice), dice.pick(&OWN_PORTS)))),
        },
        AnyUdpSocket::Resolving(socket) => match socket.finish() {
            Ok(socket) => socket.into(),
            Err(Unfinished::Pending(socket)) => socket.into(),
            Err(Unfinished::Failed(failed)) => failed.into_socket().into(),
        },
        AnyUdpSocket::Bound(mut socket) => {
            match dice.below(6) {
                0 => drop(socket.send_to(data(dice), remote(dice))),
                1 => drop(socket.receive_from(room(dice, &mut buffer))),
                2 => drop(poll_once(socket.receive_from_async(room(dice, &mut buffer)))),
                3 => drop(socket.recv_from_with(|received, from| (received.len(), from))),
                4 => {
                    let _ = socket.send_to_with(300, remote(dice), |room| room.len().min(7));
                }
                _ => return either(socket.connect(remote(dice))),
            }
            socket.into()
        }
        AnyUdpSocket::Connected(mut socket) => {
            match dice.below(6) {
                0 | 1 => drop(socket.send(data(dice))),
                2 => drop(socket.receive(room(dice, &mut buffer))),
                3 => drop(poll_once(socket.send_async(data(dice)))),
                4 => {
                    let _ = (socket.flush(), socket.next_len(), socket.remote_endpoint());
                    let _ = poll_once(socket.ready(interest(dice)));
                }
                _ => return socket.disconnect().into(),
            }
            socket.into()
        }
    }
}

/// A socket in its next state, or in the one it is left in.
fn either<'n, St: State, Next: State>(
    transition: Result<UdpSocket<'n, Next>, sockstate::Failed<UdpSocket<'n, St>>>,
) -> AnyUdpSocket<'n>
where
    AnyUdpSocket<'n>: From<UdpSocket<'n, Next>> + From<UdpSocket<'n, St>>,
{
    match transition {
        Ok(socket) => socket.into(),
        Err(failed) => failed.into_socket().into(),
    }
}
