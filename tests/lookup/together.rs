//! Look-ups beside other things: other sockets, sleep, and closures of the stack.

use super::*;

/// Neighbours are asked for one at a time, and a name server that is gone must not have every turn.
#[test]
fn a_server_that_is_gone_starves_nobody() {
    let gone = [77, 78, 79].map(|host| IpAddr::from([192, 168, 69, host]));
    for (servers, lookups) in [(&gone[..1], 1), (&gone[..1], 3), (&gone[..], 1)] {
        for phase in (0..3_000).step_by(250) {
            let lab = Lab::new(7);
            lab.near.set_dns_servers(servers).unwrap();
            let names = ["a.test", "b.test", "c.test"];
            let begin = |name: &'static str| lab.near.lookup(name, AddrType::Ipv4).unwrap();
            let mut asking: Vec<_> = names.into_iter().take(lookups).map(begin).collect();
            let mut far = lab.far.udp().unwrap().bind(7).unwrap();
            let mut socket = None;
            let mut arrived = None;
            for time in 0..20_000 {
                if time == phase {
                    let remote = "192.168.69.2:7".parse().unwrap();
                    let mut near = lab.near.udp().unwrap().connect(remote).unwrap();
                    near.send(b"hello").unwrap();
                    socket = Some(near);
                }
                for (lookup, name) in asking.iter_mut().zip(names) {
                    if !matches!(lookup.poll(), Err(nb::Error::WouldBlock)) {
                        *lookup = begin(name);
                    }
                }
                lab.near.poll().unwrap();
                if far.receive_from(&mut [0; 8]).is_ok() {
                    arrived = Some(time);
                    break;
                }
                lab.clock.advance(Duration::from_millis(1));
            }
            let took = arrived.expect("it arrives") - phase;
            let case = (servers.len(), lookups, phase);
            assert!(took <= 10_000, "{took} ms with {case:?}");
            drop(socket);
        }
    }
}

const LITTLE: Duration = Duration::from_micros(100);

/// The main loop of a device: it sleeps for as long as the stack says. Its timer is a little early,
/// and its work takes a little time, so that time limits end between one call and the next.
fn sleep_until<R>(lab: &Lab, mut call: impl FnMut() -> nb::Result<R, Error>) -> Result<R, Error> {
    for _ in 0..1_000 {
        match call() {
            Ok(result) => return Ok(result),
            Err(nb::Error::Other(error)) => return Err(error),
            Err(nb::Error::WouldBlock) => {}
        }
        lab.clock.advance(LITTLE * 2);
        lab.near.poll().unwrap();
        let delay = lab.near.poll_delay().expect("something is still to come");
        lab.clock.advance(delay - delay.min(LITTLE));
    }
    panic!("awake for ever");
}

#[test]
fn the_stack_does_not_sleep_through_a_time_limit() {
    let lab = lab();
    let start = lab.clock.time();
    let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    assert_eq!(sleep_until(&lab, || lookup.poll()), Err(Error::TimedOut));
    assert_eq!((lab.clock.time() - start).secs(), 10);

    let nobody = "192.168.69.77:80".parse().unwrap();
    let start = lab.clock.time();
    let mut connecting = lab.near.tcp().unwrap().connect(nobody).unwrap();
    assert_eq!(sleep_until(&lab, || connecting.poll()), Err(Error::TimedOut));
    assert_eq!((lab.clock.time() - start).secs(), 30);
}

/// A call on another socket may be the one that finds a time limit over.
#[test]
fn a_time_limit_that_another_call_found_is_told_before_the_stack_sleeps() {
    let lab = lab();
    let nobody = "192.168.69.77:80".parse().unwrap();
    let start = lab.clock.time();
    let mut connecting = lab.near.tcp().unwrap().connect(nobody).unwrap();
    let mut socket = lab.near.udp().unwrap().bind(6_000).unwrap();
    let ended = sleep_until(&lab, || {
        let connected = connecting.poll();
        lab.clock.advance(LITTLE * 2);
        assert_eq!(socket.receive_from(&mut [0; 8]), Err(nb::Error::WouldBlock));
        connected
    });
    assert_eq!(ended, Err(Error::TimedOut));
    assert_eq!((lab.clock.time() - start).secs(), 30);
}

/// Somebody else's poll may be the one in which the alarm rings.
#[test]
fn an_alarm_that_was_not_heard_rings_again() {
    let lab = lab();
    let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    assert_eq!(lookup.poll(), Err(nb::Error::WouldBlock));
    lab.run_for(Duration::from_secs(60));
    let delay = lab.near.poll_delay();
    assert!(delay.is_some_and(|delay| delay <= Duration::from_secs(1)), "{delay:?}");
}

#[test]
fn a_call_within_a_closure_of_the_stack_does_not_end_a_look_up() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    let mut socket = lab.near.udp().unwrap().connect("192.168.69.2:7".parse().unwrap()).unwrap();
    let size = socket.send_with(1, |_| {
        assert_eq!(lookup.poll(), Err(nb::Error::Other(Error::Reentrant)));
        assert_eq!(lab.near.lookup("a", AddrType::Ipv4).map(drop), Err(Error::Reentrant));
        1
    });
    assert_eq!(size, Ok(1));
    drop(socket);
    let found = ask(&lab, &server, lookup, |asked| {
        vec![reply(asked, 0, &[address("host.test", "10.0.0.7")])]
    });
    assert_eq!(found, Ok(ip("10.0.0.7")));
}
