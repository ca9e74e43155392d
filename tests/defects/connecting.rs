//! Connection requests: 1, 6 and 12.

use embedded_nal::{TcpClientStack, TcpError, TcpErrorKind};
use sockstate::smoltcp::wire::TcpControl;
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Unfinished, nb};

use crate::common::script::{Script, Segment};
use crate::common::{DEAD, FAR_V6, assert_blocks, assert_error, failed, far};

/// Defect: a refused connection request is never reported; the stack dials again behind the
/// application's back, for ever.
#[test]
fn d01_refused_connect_is_reported_at_the_first_poll_after_the_rst() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let mut connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    let syn = script.next();
    assert_eq!(syn.control, TcpControl::Syn);
    assert_blocks(connecting.poll());

    script.send(&syn.refusal());
    assert_error(connecting.poll(), Error::Refused);
    assert_eq!(script.wait(Duration::from_secs(60)), [], "it dials again");

    // The socket comes back with the reason, and can be used at once.
    let closed = match connecting.finish() {
        Err(Unfinished::Failed(failed)) => {
            assert_eq!(failed.error(), Error::Refused);
            failed.into_socket()
        }
        other => panic!("{other:?}"),
    };
    let again = closed.connect(far(80)).unwrap();
    let syn = script.next();
    script.send(&syn.refusal());
    let (_closed, error) = failed(again.wait_with(|_| lab.step()));
    assert_eq!(error, Error::Refused);
}

/// As above, for clients that keep calling `connect` until it says something.
#[test]
fn d01_refused_connect_is_reported_through_embedded_nal() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let mut net = lab.near.net();
    let mut socket = net.socket().unwrap();
    assert_blocks(net.connect(&mut socket, far(80)));
    for _ in 0..3 {
        let syn = script.next();
        script.send(&syn.refusal());
        let refused = net.connect(&mut socket, far(80)).unwrap_err();
        let nb::Error::Other(error) = refused else { panic!("still waiting") };
        assert_eq!((error, error.kind()), (Error::Refused, TcpErrorKind::PipeClosed));
        assert_eq!(script.exchange(), [], "it dials again unasked");
        // The next call asks anew, on the same socket.
        assert_blocks(net.connect(&mut socket, far(80)));
    }
}

/// RFC 9293 section 3.10.7.4: in SYN-RECEIVED too, if it was this end that asked.
#[test]
fn d01_refusal_of_a_request_that_crossed_the_peers_own_is_a_refusal() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let mut connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    let syn = script.next();
    script.send(&Segment::syn(80, syn.from));
    let syn_ack = script.next();
    assert_eq!(syn_ack.control, TcpControl::Syn);
    assert_blocks(connecting.poll());

    script.send(&syn_ack.answer(TcpControl::Rst, syn_ack.ack.unwrap()));
    assert_error(connecting.poll(), Error::Refused);
}

/// Defect: smoltcp never sends the FIN of a connection that is closed in SYN-RECEIVED, so that the
/// peer would believe itself connected.
#[test]
fn d02_dropped_request_that_crossed_the_peers_own_is_reset() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    let syn = script.next();
    script.send(&Segment::syn(80, syn.from));
    let syn_ack = script.next();
    drop(connecting);
    script.send(&syn_ack.answer(TcpControl::None, syn_ack.ack.unwrap()));
    let said = script.wait(Duration::from_secs(1));
    assert!(said.iter().any(|segment| segment.control == TcpControl::Rst), "{said:?}");
}

/// Defect: IPv6 is not supported.
#[test]
fn d06_ipv4_and_ipv6_both_connect() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    for remote in [far(80), (FAR_V6, 80).into()] {
        let connecting = lab.near.tcp().unwrap().connect(remote).unwrap();
        let mut client = connecting.wait_with(|_| lab.step()).unwrap();
        assert_eq!(client.remote_endpoint(), Ok(remote));
        let (mut server, _) = lab.block(|| listener.accept()).unwrap();
        assert_eq!(client.send(b"hello"), Ok(5));
        assert_eq!(lab.block(|| server.receive(&mut [0; 16])), Ok(5));
    }

    let mut echo = lab.far.udp().unwrap().bind(7).unwrap();
    for remote in [far(7), (FAR_V6, 7).into()] {
        let mut client = lab.near.udp().unwrap().connect(remote).unwrap();
        client.send(b"hello").unwrap();
        let (len, from) = lab.block(|| echo.receive_from(&mut [0; 16])).unwrap();
        echo.send_to(&b"hello"[..len], from).unwrap();
        assert_eq!(lab.block(|| client.receive(&mut [0; 16])), Ok(5));
    }
}

/// As above, through the traits.
#[test]
fn d06_ipv6_through_embedded_nal() {
    use embedded_nal::{UdpClientStack, UdpFullStack};

    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut net = lab.near.net();
    let mut tcp = TcpClientStack::socket(&mut net).unwrap();
    let remote = (FAR_V6, 80).into();
    lab.block(|| TcpClientStack::connect(&mut net, &mut tcp, remote)).unwrap();
    let (mut server, _) = lab.block(|| listener.accept()).unwrap();
    TcpClientStack::send(&mut net, &mut tcp, b"hello").unwrap();
    assert_eq!(lab.block(|| server.receive(&mut [0; 16])), Ok(5));

    let mut echo = lab.far.udp().unwrap().bind(7).unwrap();
    let mut udp = UdpClientStack::socket(&mut net).unwrap();
    net.send_to(&mut udp, (FAR_V6, 7).into(), b"hello").unwrap();
    assert_eq!(lab.block(|| echo.receive_from(&mut [0; 16])).unwrap().0, 5);
}

/// Defect: a request that nobody answers stays pending for ever.
#[test]
fn d12_black_holed_connect_ends_at_the_default_deadline() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let mut connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    script.wait(Duration::from_millis(29_900));
    assert_blocks(connecting.poll());
    script.wait(Duration::from_millis(200));
    assert_error(connecting.poll(), Error::TimedOut);
    assert_eq!(script.wait(Duration::from_secs(60)), [], "it dials on");
}

/// The deadline is the application's to choose.
#[test]
fn d12_the_connect_deadline_is_adjustable() {
    let short = Some(Duration::from_secs(2));
    let lab = Lab::builder(1).configure_near(|config| config.deadlines.connect = short).build();
    let mut script = Script::new(&lab);
    let mut connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    script.wait(Duration::from_millis(1_900));
    assert_blocks(connecting.poll());
    script.wait(Duration::from_millis(200));
    assert_error(connecting.poll(), Error::TimedOut);
}

/// And to switch off: the request is still being repeated an hour later.
#[test]
fn d12_without_a_connect_deadline_the_request_is_repeated_for_ever() {
    let lab = Lab::builder(1).configure_near(|config| config.deadlines.connect = None).build();
    let mut script = Script::new(&lab);
    let mut connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    script.wait(Duration::from_secs(3_600));
    assert_blocks(connecting.poll());
    let late = script.wait(Duration::from_secs(120));
    assert!(late.iter().all(|segment| segment.control == TcpControl::Syn));
    assert!(!late.is_empty(), "it gave up in silence");
}

/// The same deadline holds where not even the next hop answers.
#[test]
fn d12_connect_to_a_host_that_is_not_there_times_out() {
    let lab = Lab::new(1);
    let start = lab.clock.time();
    let connecting = lab.near.tcp().unwrap().connect((DEAD, 80).into()).unwrap();
    let (_closed, error) = failed(connecting.wait_with(|_| lab.step()));
    assert_eq!(error, Error::TimedOut);
    let took = lab.clock.time() - start;
    assert!((30..32).contains(&took.secs()), "{took}");
}

/// And for clients of the traits.
#[test]
fn d12_black_holed_connect_ends_through_embedded_nal() {
    let lab = Lab::new(1);
    lab.cable.cut();
    let mut net = lab.near.net();
    let mut socket = net.socket().unwrap();
    let start = lab.clock.time();
    let result = lab.block(|| net.connect(&mut socket, far(80)));
    assert_eq!(result, Err(Error::TimedOut));
    assert!((lab.clock.time() - start).secs() < 32);
}
