//! Calls of TCP sockets, in their types and by embedded-nal.

use std::num::NonZeroU8;

use embedded_nal::{TcpClientStack, TcpFullStack};
use sockstate::state::tcp::{CanReceive, CanSend, HasPeer, IsOpen};
use sockstate::{
    AnyTcpSocket, Duration, Error, Net, Protocol, TcpSocket, Unfinished, nb, state::State,
};

use super::{HOSTS, Program, any, data, interest, own_addr, poll_once, remote, room, take};
use crate::dice::Dice;
use crate::grammar::OWN_PORTS;

impl<'n> Program<'n> {
    pub fn call_tcp(&mut self, dice: &mut Dice<'_>) {
        let net = self.net();
        match dice.below(12) {
            0 | 1 => self.tcp.extend(net.tcp().map(AnyTcpSocket::from)),
            2 => drop(take(dice, &mut self.tcp)),
            3 => self.call_within(dice),
            4 | 5 => self.call_nal(dice),
            _ => {
                let Some(socket) = take(dice, &mut self.tcp) else { return };
                let next = self.next(dice, socket);
                self.tcp.extend(next);
            }
        }
    }

    /// What becomes of a socket.
    fn next(&mut self, dice: &mut Dice<'_>, socket: AnyTcpSocket<'n>) -> Option<AnyTcpSocket<'n>> {
        match socket {
            AnyTcpSocket::Idle => None,
            AnyTcpSocket::Closed(socket) => Some(match dice.below(3) {
                0 => either(socket.connect(remote(dice))),
                1 => either(socket.connect_by_name(dice.pick(&HOSTS), 7)),
                _ => {
                    let port = dice.pick(&OWN_PORTS);
                    match dice.one_in(2) {
                        true => either(socket.bind(port)),
                        false => either(socket.bind((own_addr(dice), port))),
                    }
                }
            }),
            AnyTcpSocket::Bound(socket) => Some(match dice.below(4) {
                0 => either(socket.connect(remote(dice))),
                1 => either(socket.connect_by_name(dice.pick(&HOSTS), 7)),
                _ => either(socket.listen(dice.below(4) as u16)),
            }),
            AnyTcpSocket::Listening(mut socket) => {
                let accepted = match dice.one_in(3) {
                    true => poll_once(socket.accept_async()),
                    false => socket.accept().ok(),
                };
                self.tcp.extend(accepted.map(|(socket, _)| AnyTcpSocket::from(socket)));
                Some(socket.into())
            }
            AnyTcpSocket::Resolving(socket) => Some(match dice.below(4) {
                0 => self.wait(|idle| socket.wait_with(idle)),
                _ => finished(socket.finish()),
            }),
            AnyTcpSocket::Connecting(mut socket) => Some(match dice.below(6) {
                0 => self.wait(|idle| socket.wait_with(idle)),
                1 => {
                    set_option(dice, &mut socket);
                    let _ = poll_once(socket.poll_async());
                    socket.into()
                }
                _ => finished(socket.finish()),
            }),
            AnyTcpSocket::Closing(socket) => Some(match dice.below(6) {
                0 => self.wait(|idle| socket.wait_with(idle)),
                1 => {
                    socket.abort();
                    return None;
                }
                _ => finished(socket.finish()),
            }),
            AnyTcpSocket::Connected(mut socket) => Some(match dice.below(12) {
                0..=2 => {
                    send(dice, &mut socket);
                    socket.into()
                }
                3..=5 => {
                    receive(dice, &mut socket);
                    socket.into()
                }
                6 => {
                    set_option(dice, &mut socket);
                    socket.into()
                }
                7 => socket.shutdown().into(),
                8 => socket.close().into(),
                9 => {
                    socket.abort();
                    return None;
                }
                _ => {
                    let (reader, writer) = socket.split();
                    self.readers.push(reader);
                    self.writers.push(writer);
                    return None;
                }
            }),
            AnyTcpSocket::HalfClosed(mut socket) => Some(match dice.below(4) {
                0 => socket.close().into(),
                1 => {
                    socket.abort();
                    return None;
                }
                _ => {
                    receive(dice, &mut socket);
                    socket.into()
                }
            }),
        }
    }

    /// Waits, with nobody who answers: what has a time limit ends.
    fn wait<St: State, Next: State>(
        &self,
        wait: impl FnOnce(
            &mut dyn FnMut(Option<Duration>),
        ) -> Result<TcpSocket<'n, Next>, sockstate::Failed<TcpSocket<'n, St>>>,
    ) -> AnyTcpSocket<'n>
    where
        AnyTcpSocket<'n>: From<TcpSocket<'n, Next>> + From<TcpSocket<'n, St>>,
    {
        let mut waits = 0;
        either(wait(&mut |delay| {
            waits += 1;
            assert!(waits < 10_000, "a wait without end");
            self.bench.idle(delay);
        }))
    }

    /// Calls within a closure of the stack: they are refused, and what is dropped there is dropped
    /// later.
    fn call_within(&mut self, dice: &mut Dice<'_>) {
        let net = self.net();
        let dropped = take(dice, &mut self.tcp);
        let half = take(dice, &mut self.writers);
        let datagrams = take(dice, &mut self.udp);
        let intrude = || {
            drop((dropped, half, datagrams));
            assert_eq!(net.poll(), Err(Error::Reentrant));
            assert_eq!(net.tcp().err(), Some(Error::Reentrant));
            assert_eq!(net.free_slots(Protocol::Tcp), Err(Error::Reentrant));
        };
        if let Some(AnyTcpSocket::Connected(socket)) = any(dice, &mut self.tcp) {
            if dice.one_in(2) {
                let _ = socket.send_with(|room| {
                    intrude();
                    (room.len().min(3), ())
                });
            } else {
                let _ = socket.recv_with(|received| {
                    intrude();
                    (received.len().min(3), ())
                });
            }
        }
    }

    pub fn call_half(&mut self, dice: &mut Dice<'_>) {
        match dice.below(6) {
            0 => any(dice, &mut self.readers).into_iter().for_each(|half| receive(dice, half)),
            1 => any(dice, &mut self.writers).into_iter().for_each(|half| send(dice, half)),
            2 => drop(take(dice, &mut self.readers)),
            3 => drop(take(dice, &mut self.writers)),
            _ => {
                let halves = take(dice, &mut self.readers).zip(take(dice, &mut self.writers));
                match halves.map(|(reader, writer)| reader.reunite(writer)) {
                    Some(Ok(socket)) => self.tcp.push(socket.into()),
                    Some(Err(strangers)) => {
                        self.readers.push(strangers.reader);
                        self.writers.push(strangers.writer);
                    }
                    None => {}
                }
            }
        }
    }

    fn call_nal(&mut self, dice: &mut Dice<'_>) {
        let mut net: &Net = self.net();
        if dice.one_in(4) {
            self.tcp.extend(TcpClientStack::socket(&mut net));
        }
        let Some(mut socket) = take(dice, &mut self.tcp) else { return };
        let mut buffer = [0; 700];
        match dice.below(8) {
            0 | 1 => drop(TcpClientStack::connect(&mut net, &mut socket, remote(dice))),
            2 => drop(TcpClientStack::send(&mut net, &mut socket, data(dice))),
            3 => {
                let place = room(dice, &mut buffer);
                let _ = TcpClientStack::receive(&mut net, &mut socket, place);
            }
            4 => drop(TcpFullStack::bind(&mut net, &mut socket, dice.pick(&OWN_PORTS))),
            5 => drop(TcpFullStack::listen(&mut net, &mut socket)),
            6 => {
                let accepted = TcpFullStack::accept(&mut net, &mut socket);
                self.tcp.extend(accepted.map(|(socket, _)| socket));
            }
            _ => return TcpClientStack::close(&mut net, socket).unwrap(),
        }
        self.tcp.push(socket);
    }
}

/// A socket in its next state, or in the one it is left in.
fn either<'n, St: State, Next: State>(
    transition: Result<TcpSocket<'n, Next>, sockstate::Failed<TcpSocket<'n, St>>>,
) -> AnyTcpSocket<'n>
where
    AnyTcpSocket<'n>: From<TcpSocket<'n, Next>> + From<TcpSocket<'n, St>>,
{
    match transition {
        Ok(socket) => socket.into(),
        Err(failed) => failed.into_socket().into(),
    }
}

fn finished<'n, Next: State, Now: State, St: State>(
    result: Result<TcpSocket<'n, Next>, Unfinished<TcpSocket<'n, Now>, TcpSocket<'n, St>>>,
) -> AnyTcpSocket<'n>
where
    AnyTcpSocket<'n>:
        From<TcpSocket<'n, Next>> + From<TcpSocket<'n, Now>> + From<TcpSocket<'n, St>>,
{
    match result {
        Ok(socket) => socket.into(),
        Err(Unfinished::Pending(socket)) => socket.into(),
        Err(Unfinished::Failed(failed)) => failed.into_socket().into(),
    }
}

fn send<St: CanSend + HasPeer>(dice: &mut Dice<'_>, socket: &mut TcpSocket<'_, St>) {
    match dice.below(6) {
        0 | 1 => {
            let data = data(dice);
            if let Ok(sent) = socket.send(data) {
                assert!(sent <= data.len() && (sent > 0 || data.is_empty()));
            }
        }
        2 => drop(poll_once(socket.send_all_async(data(dice)))),
        3 => drop(socket.flush()),
        4 => {
            let _ = socket.send_room();
            let _ = socket.send_with(|place| (place.len(), ()));
        }
        _ => {
            let _ = socket.wake_on(interest(dice), std::task::Waker::noop());
            let _ = poll_once(socket.flush_async());
            let _ = socket.send_queue();
        }
    }
}

fn receive<St: CanReceive + HasPeer + IsOpen>(dice: &mut Dice<'_>, socket: &mut TcpSocket<'_, St>) {
    let mut buffer = [0; 700];
    let place = room(dice, &mut buffer);
    match dice.below(6) {
        0 | 1 => {
            let waiting = socket.receive_queue();
            let received = socket.receive(place);
            match received {
                Ok(0) => assert!(place.is_empty(), "nothing received"),
                Ok(len) => assert!(len <= place.len()),
                Err(nb::Error::WouldBlock) => assert!(!place.is_empty() || waiting == Ok(0)),
                Err(nb::Error::Other(_)) => {}
            }
        }
        2 => drop(socket.peek(place)),
        3 => drop(poll_once(socket.receive_async(place))),
        4 => drop(socket.recv_with(|received| (received.len() / 2, ()))),
        _ => {
            let _ = poll_once(socket.ready(interest(dice)));
            let _ = (socket.tcp_state(), socket.remote_endpoint(), socket.local_endpoint());
        }
    }
}

fn set_option<St: HasPeer>(dice: &mut Dice<'_>, socket: &mut TcpSocket<'_, St>) {
    let time = dice.pick(&[None, Some(Duration::from_millis(10)), Some(Duration::from_secs(20))]);
    let _ = match dice.below(5) {
        0 => socket.set_timeout(time),
        1 => socket.set_keep_alive(time),
        2 => socket.set_nagle(dice.one_in(2)),
        3 => socket.set_ack_delay(time),
        _ => socket.set_hop_limit(NonZeroU8::new(dice.byte())),
    };
}
