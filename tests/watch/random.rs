//! Whatever happens to a dozen sockets: the set tells of exactly those that are ready.

use sockstate::smoltcp::socket::tcp::State;
use sockstate::state::{Bound, Connected};
use sockstate::testing::Lab;
use sockstate::{Duration, Ready, TcpSocket, UdpSocket, Watch};

use super::common::{Random, near, slots};
use super::round;

const PAIRS: usize = 6;
const STEPS: usize = 400;

enum Socket<'lab> {
    Tcp(TcpSocket<'lab, Connected>),
    Udp(UdpSocket<'lab, Bound>),
}

impl Socket<'_> {
    /// What it is ready for, by asking it.
    fn ready(&mut self) -> Ready {
        match self {
            Socket::Tcp(socket) => {
                let receive = !matches!(socket.receive_queue(), Ok(0));
                let send = !matches!(socket.send_room(), Ok(0));
                let ended = matches!(socket.tcp_state(), Ok(State::Closed | State::TimeWait));
                set(receive, Ready::RECEIVE) | set(send, Ready::SEND) | set(ended, Ready::ENDED)
            }
            Socket::Udp(socket) => set(socket.next_len() != Ok(None), Ready::RECEIVE) | Ready::SEND,
        }
    }
}

fn set(condition: bool, ready: Ready) -> Ready {
    if condition { ready } else { Ready::NONE }
}

#[test]
fn a_set_tells_of_exactly_the_sockets_that_are_ready() {
    for seed in 0..300 {
        run(seed);
    }
}

fn run(seed: u64) {
    let mut random = Random(seed);
    let lab = Lab::builder(seed).near(slots(2 * PAIRS, PAIRS)).far(slots(2 * PAIRS, PAIRS)).build();
    let mut watch = lab.near.watch().unwrap();
    let mut peers = Vec::new();
    let mut sockets = Vec::new();
    let mut interests = Vec::new();
    for place in 0..PAIRS {
        let (socket, peer) = lab.connection().unwrap();
        sockets.push(Some(Socket::Tcp(socket)));
        peers.push(Some(peer));
        interests.push(None);
        let port = 7_000 + place as u16;
        sockets.push(Some(Socket::Udp(lab.near.udp().unwrap().bind(port).unwrap())));
        interests.push(None);
    }
    let mut stranger = lab.far.udp().unwrap().bind(9).unwrap();
    for step in 0..STEPS {
        let place = random.below(sockets.len());
        let mut buffer = [0; 700];
        match (random.below(9), &mut sockets[place]) {
            (0, Some(socket)) => {
                let interest = [Ready::RECEIVE, Ready::SEND, Ready::RECEIVE | Ready::SEND];
                let interest = interest[random.below(3)];
                add(&mut watch, socket, place, interest);
                interests[place] = Some(interest);
            }
            (1, Some(Socket::Tcp(socket))) if random.below(4) == 0 => {
                watch.remove(socket).unwrap();
                interests[place] = None;
            }
            (2, Some(Socket::Tcp(socket))) => drop(socket.receive(&mut buffer)),
            (2, Some(Socket::Udp(socket))) => drop(socket.receive_from(&mut buffer)),
            (3, Some(Socket::Tcp(socket))) => drop(socket.send(&buffer)),
            (4 | 5, Some(Socket::Tcp(_))) => {
                if let Some(peer) = &mut peers[place / 2] {
                    drop(peer.send(&buffer));
                }
            }
            (4 | 5, Some(Socket::Udp(_))) => {
                drop(stranger.send_to(&buffer, near(7_000 + place as u16 / 2)));
            }
            (6, Some(Socket::Tcp(_))) => {
                if let Some(peer) = &mut peers[place / 2] {
                    drop(peer.receive(&mut buffer));
                }
            }
            (7, Some(_)) if random.below(8) == 0 => {
                if place.is_multiple_of(2) && random.below(2) == 0 {
                    peers[place / 2] = None;
                } else {
                    sockets[place] = None;
                    interests[place] = None;
                }
            }
            _ => lab.run_for(Duration::from_millis(random.next() % 30)),
        }
        lab.near.poll().unwrap();
        let expected: Vec<_> = (0..sockets.len())
            .filter_map(|place| {
                let ready = sockets[place].as_mut()?.ready() & (interests[place]? | Ready::ENDED);
                (!ready.is_empty()).then_some((place as u16, ready))
            })
            .collect();
        assert_eq!(round(&mut watch), expected, "seed {seed}, step {step}");
    }
}

fn add<'lab>(watch: &mut Watch<'lab>, socket: &Socket<'lab>, place: usize, interest: Ready) {
    match socket {
        Socket::Tcp(socket) => watch.add(socket, place as u16, interest).unwrap(),
        Socket::Udp(socket) => watch.add(socket, place as u16, interest).unwrap(),
    }
}

/// For the calls whose outcome is the socket's own affair.
fn drop<T>(_: T) {}
