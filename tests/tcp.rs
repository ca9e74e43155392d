//! What a TCP connection does, between two stacks on one cable in virtual time.

use sockstate::smoltcp::socket::tcp::State;
use sockstate::smoltcp::wire::{EthernetFrame, Ipv4Packet};
use sockstate::state::{Connected, HalfClosed};
use sockstate::testing::Lab;
use sockstate::{AnyTcpSocket, Duration, Error, Heap, TcpSocket, Unfinished, nb};

const SERVER: &str = "192.168.69.2:80";
const SERVER_V6: &str = "[fd00::2]:80";

/// Sends everything, while the other end receives everything.
fn transfer(
    lab: &Lab,
    from: &mut TcpSocket<'_, Connected>,
    to: &mut TcpSocket<'_, Connected>,
    data: &[u8],
) -> Vec<u8> {
    let mut sent = 0;
    let mut received = Vec::new();
    let mut buffer = [0; 1000];
    while received.len() < data.len() {
        match from.send(&data[sent..]) {
            Ok(n) => sent += n,
            Err(nb::Error::WouldBlock) => {}
            Err(error) => panic!("send: {error:?}"),
        }
        match to.receive(&mut buffer) {
            Ok(n) => received.extend_from_slice(&buffer[..n]),
            Err(nb::Error::WouldBlock) => lab.step(),
            Err(error) => panic!("receive: {error:?}"),
        }
    }
    received
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

#[test]
fn data_arrives_whole_in_both_directions_over_both_ip_versions() {
    for server in [SERVER, SERVER_V6] {
        let lab = Lab::new(1);
        let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
        let remote = server.parse().unwrap();
        let connecting = lab.near.tcp().unwrap().connect(remote).unwrap();
        let mut near = connecting.wait_with(|_| lab.step()).unwrap();
        let (mut far, client) = lab.block(|| listener.accept()).unwrap();

        assert_eq!(near.remote_endpoint().unwrap(), remote);
        assert_eq!(far.remote_endpoint().unwrap(), client);
        let local = near.local_endpoint().unwrap();
        assert_eq!((local.addr, local.port), (Some(client.ip()), client.port()));

        let data = pattern(100_000);
        assert_eq!(transfer(&lab, &mut near, &mut far, &data), data);
        assert_eq!(transfer(&lab, &mut far, &mut near, &data), data);
    }
}

#[test]
fn peek_leaves_the_data_and_the_queues_tell_how_much_there_is() {
    let lab = Lab::new(1);
    let (mut near, mut far) = lab.connection().unwrap();
    assert_eq!(near.send_room(), Ok(4096));
    near.send(b"hello").unwrap();
    assert_eq!(near.send_queue(), Ok(5));
    assert_eq!(near.send_room(), Ok(4091));
    assert_eq!(far.receive_queue(), Ok(0));
    lab.run_for(Duration::from_millis(100));

    assert_eq!(near.send_queue(), Ok(0));
    assert_eq!(far.receive_queue(), Ok(5));
    let mut buffer = [0; 3];
    assert_eq!(far.peek(&mut buffer), Ok(3));
    assert_eq!(far.peek(&mut buffer), Ok(3));
    assert_eq!(far.receive(&mut buffer), Ok(3));
    assert_eq!(&buffer, b"hel");
    assert_eq!(far.receive(&mut buffer), Ok(2));
    assert_eq!(far.receive(&mut buffer), Err(nb::Error::WouldBlock));
    assert_eq!(far.peek(&mut buffer), Err(nb::Error::WouldBlock));
}

#[test]
fn closures_see_the_buffers_and_say_how_much_they_used() {
    let lab = Lab::new(1);
    let (mut near, mut far) = lab.connection().unwrap();
    let data = pattern(20_000);
    let mut sent = 0;
    let mut received = Vec::new();
    while received.len() < data.len() {
        let result = near.send_with(|buffer| {
            assert!(!buffer.is_empty());
            let n = buffer.len().min(data.len() - sent).min(777);
            buffer[..n].copy_from_slice(&data[sent..sent + n]);
            (n, n)
        });
        sent += result.unwrap_or(0);
        let result = far.recv_with(|buffer| {
            let n = buffer.len().min(501);
            received.extend_from_slice(&buffer[..n]);
            (n, ())
        });
        if result.is_err() {
            lab.step();
        }
    }
    assert_eq!(received, data);
}

#[test]
fn flush_waits_for_the_acknowledgement() {
    let lab = Lab::new(1);
    let (mut near, _far) = lab.connection().unwrap();
    assert_eq!(near.flush(), Ok(()));
    near.send(b"hello").unwrap();
    lab.cable.cut();
    assert_eq!(near.flush(), Err(nb::Error::WouldBlock));
    lab.cable.mend();
    assert_eq!(lab.block(|| near.flush()), Ok(()));
    assert_eq!(near.send_queue(), Ok(0));
}

#[test]
fn half_closed_sockets_receive_on() {
    let lab = Lab::new(1);
    let (mut near, mut far) = lab.connection().unwrap();
    near.send(b"question").unwrap();
    let mut near: TcpSocket<'_, HalfClosed> = near.shutdown();
    let mut buffer = [0; 16];
    assert_eq!(lab.block(|| far.receive(&mut buffer)), Ok(8));
    assert_eq!(lab.block(|| far.receive(&mut buffer)), Err(Error::PeerClosed));
    assert_eq!(lab.block(|| near.flush()), Ok(()));
    assert_eq!(near.tcp_state(), Ok(State::FinWait2));

    far.send(b"answer").unwrap();
    assert_eq!(lab.block(|| near.receive(&mut buffer)), Ok(6));
    let far = far.close();
    assert_eq!(lab.block(|| near.receive(&mut buffer)), Err(Error::PeerClosed));
    assert!(far.wait_with(|_| lab.step()).is_ok());
    assert!(near.close().wait_with(|_| lab.step()).is_ok());
}

#[test]
fn a_close_is_complete_even_if_the_peer_keeps_its_side_open() {
    let lab = Lab::new(1);
    let (mut near, mut far) = lab.connection().unwrap();
    near.send(b"all of it").unwrap();
    assert!(near.close().wait().is_ok());
    assert_eq!(far.receive(&mut [0; 16]), Ok(9));
}

/// Everything is delivered, and the peer has closed as well. Nobody can be told so any more.
#[test]
fn a_close_is_over_even_if_the_last_acknowledgement_finds_no_way() {
    let lab = Lab::new(1);
    let (near, far) = lab.connection().unwrap();
    let mut near = near.close();
    lab.near.poll().unwrap();
    lab.far.poll().unwrap();
    drop(far.close());
    lab.far.poll().unwrap();
    lab.near.poll_ingress().unwrap();
    // With a change of its addresses, smoltcp forgets its neighbours.
    lab.near.remove_address("fd00::1".parse().unwrap()).unwrap();
    lab.cable.cut();
    assert_eq!(lab.near.block_for(Duration::from_secs(60), || near.poll()), Ok(()));
}

#[test]
fn a_half_closed_socket_gives_up_a_vanished_peer_if_it_keeps_alive() {
    let lab = Lab::new(1);
    let (near, _far) = lab.connection().unwrap();
    let mut near = near.shutdown();
    assert_eq!(lab.block(|| near.flush()), Ok(()));
    near.set_keep_alive(Some(Duration::from_secs(5))).unwrap();
    lab.cable.cut();
    assert_eq!(lab.block(|| near.receive(&mut [0; 8])), Err(Error::TimedOut));
}

#[test]
fn a_wait_with_a_limit_ends_on_time() {
    let lab = Lab::new(1);
    let (mut near, mut far) = lab.connection().unwrap();
    let start = lab.near.now().unwrap();
    let limit = Duration::from_secs(7);
    let ended = lab.near.block_for(limit, || near.receive(&mut [0; 8]));
    assert_eq!(ended, Err(Error::TimedOut));
    assert_eq!(lab.near.now().unwrap() - start, limit);
    // The connection is as it was.
    far.send(b"late").unwrap();
    assert_eq!(lab.near.block_for(limit, || near.receive(&mut [0; 8])), Ok(4));
}

#[test]
fn both_ends_may_close_at_the_same_time() {
    let lab = Lab::new(1);
    let (mut near, mut far) = lab.connection().unwrap();
    near.send(b"from near").unwrap();
    far.send(b"from far").unwrap();
    let (mut near, mut far) = (near.shutdown(), far.shutdown());
    let mut buffer = [0; 16];
    assert_eq!(lab.block(|| near.receive(&mut buffer)), Ok(8));
    assert_eq!(lab.block(|| far.receive(&mut buffer)), Ok(9));
    assert_eq!(lab.block(|| near.receive(&mut buffer)), Err(Error::PeerClosed));
    assert_eq!(lab.block(|| far.receive(&mut buffer)), Err(Error::PeerClosed));
    assert_eq!(lab.block(|| near.flush()), Ok(()));
    assert_eq!(lab.block(|| far.flush()), Ok(()));
}

#[test]
fn halves_are_used_apart_and_put_together() {
    let lab = Lab::new(1);
    let (near, mut far) = lab.connection().unwrap();
    let (mut reader, mut writer) = near.split();
    writer.send(b"out").unwrap();
    far.send(b"in").unwrap();
    let mut buffer = [0; 16];
    assert_eq!(lab.block(|| reader.receive(&mut buffer)), Ok(2));
    assert_eq!(lab.block(|| far.receive(&mut buffer)), Ok(3));

    let mut near = reader.reunite(writer).unwrap();
    near.send(b"again").unwrap();
    assert_eq!(lab.block(|| far.receive(&mut buffer)), Ok(5));
}

#[test]
fn halves_of_different_connections_do_not_reunite() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let connect = || {
        let connecting = lab.near.tcp().unwrap().connect(SERVER.parse().unwrap()).unwrap();
        connecting.wait_with(|_| lab.step()).unwrap()
    };
    let (first, second) = (connect(), connect());
    let _accepted = lab.block(|| listener.accept()).unwrap();
    let (reader, writer) = first.split();
    let (other_reader, other_writer) = second.split();
    let error = reader.reunite(other_writer).unwrap_err();
    assert!(error.reader.reunite(writer).is_ok());
    assert!(other_reader.reunite(error.writer).is_ok());
}

#[test]
fn dropping_the_writer_ends_the_stream_and_dropping_both_frees_the_slot() {
    let lab = Lab::new(1);
    let free = lab.near.free_slots(sockstate::Protocol::Tcp).unwrap();
    let (near, mut far) = lab.connection().unwrap();
    let (mut reader, mut writer) = near.split();
    writer.send(b"last words").unwrap();
    drop(writer);
    let mut buffer = [0; 16];
    assert_eq!(lab.block(|| far.receive(&mut buffer)), Ok(10));
    assert_eq!(lab.block(|| far.receive(&mut buffer)), Err(Error::PeerClosed));
    far.send(b"heard").unwrap();
    assert_eq!(lab.block(|| reader.receive(&mut buffer)), Ok(5));
    drop(far);
    drop(reader);
    lab.run_for(Duration::from_secs(60));
    assert_eq!(lab.near.free_slots(sockstate::Protocol::Tcp), Ok(free));
}

#[test]
fn a_silent_peer_is_given_up_after_the_timeout_of_the_connection() {
    let lab = Lab::new(1);
    let (mut near, _far) = lab.connection().unwrap();
    near.set_timeout(Some(Duration::from_secs(5))).unwrap();
    lab.cable.cut();
    near.send(b"anybody?").unwrap();
    let start = lab.clock.time();
    assert_eq!(lab.block(|| near.receive(&mut [0; 8])), Err(Error::TimedOut));
    let waited = lab.clock.time() - start;
    assert!((5..7).contains(&waited.secs()), "waited {waited}");
}

#[test]
fn an_idle_connection_outlives_its_timeout() {
    let lab = Lab::new(1);
    let (mut near, mut far) = lab.connection().unwrap();
    near.set_timeout(Some(Duration::from_secs(5))).unwrap();
    lab.run_for(Duration::from_secs(3_600));
    near.send(b"still here").unwrap();
    assert_eq!(lab.block(|| far.receive(&mut [0; 16])), Ok(10));
}

#[test]
fn keep_alive_finds_out_that_a_peer_is_gone() {
    let lab = Lab::new(1);
    let (mut near, _far) = lab.connection().unwrap();
    near.set_keep_alive(Some(Duration::from_secs(10))).unwrap();
    near.set_timeout(Some(Duration::from_secs(30))).unwrap();
    lab.run_for(Duration::from_secs(600));
    assert_eq!(near.tcp_state(), Ok(State::Established));
    lab.cable.cut();
    let start = lab.clock.time();
    assert_eq!(lab.block(|| near.receive(&mut [0; 8])), Err(Error::TimedOut));
    assert!(lab.clock.time() - start < Duration::from_secs(45));
}

/// Data is a question, too: the next probe is not waited for.
#[test]
fn with_keep_alive_a_peer_that_owes_an_acknowledgement_is_given_up_as_soon_as_without() {
    let lab = Lab::new(1);
    let (mut near, _far) = lab.connection().unwrap();
    near.set_keep_alive(Some(Duration::from_secs(600))).unwrap();
    near.set_timeout(Some(Duration::from_secs(30))).unwrap();
    lab.run_for(Duration::from_secs(60));
    lab.cable.cut();
    let start = lab.clock.time();
    near.send(b"anybody?").unwrap();
    assert_eq!(lab.block(|| near.receive(&mut [0; 8])), Err(Error::TimedOut));
    assert!(lab.clock.time() - start < Duration::from_secs(35));
}

/// The IPv4 packets that the near stack sends during `work`, as the far end of the wire sees them.
fn sent_packets(lab: &Lab, work: impl FnOnce()) -> Vec<Vec<u8>> {
    let (_, mut wire) = lab.cable.plugs();
    work();
    let _ = lab.near.poll();
    let mut packets = Vec::new();
    while let Some(frame) = wire.take(lab.clock.time()) {
        let frame = EthernetFrame::new_checked(&frame[..]).unwrap();
        packets.push(frame.payload().to_vec());
    }
    packets
}

#[test]
fn the_hop_limit_is_on_the_wire() {
    let lab = Lab::new(1);
    let (mut near, _far) = lab.connection().unwrap();
    for (limit, expected) in [(None, 64), (core::num::NonZeroU8::new(3), 3)] {
        near.set_hop_limit(limit).unwrap();
        lab.run_for(Duration::from_secs(1));
        let packets = sent_packets(&lab, || assert_eq!(near.send(b"x"), Ok(1)));
        let packet = Ipv4Packet::new_checked(&packets[0][..]).unwrap();
        assert_eq!(packet.hop_limit(), expected);
        lab.run_for(Duration::from_secs(5));
    }
}

#[test]
fn nagle_holds_small_segments_back_unless_it_is_off() {
    for (nagle, segments) in [(true, 1), (false, 3)] {
        let lab = Lab::new(1);
        let (mut near, _far) = lab.connection().unwrap();
        near.set_nagle(nagle).unwrap();
        lab.run_for(Duration::from_secs(1));
        let packets = sent_packets(&lab, || {
            for _ in 0..3 {
                near.send(b"x").unwrap();
                let _ = lab.near.poll();
            }
        });
        assert_eq!(packets.len(), segments, "nagle {nagle}");
    }
}

#[test]
fn the_ack_delay_can_be_switched_off() {
    for (delay, acks) in [(Some(Duration::from_secs(1)), 0), (None, 1)] {
        let lab = Lab::new(1);
        let (mut near, mut far) = lab.connection().unwrap();
        near.set_ack_delay(delay).unwrap();
        lab.run_for(Duration::from_secs(2));
        far.send(b"hello").unwrap();
        let _ = lab.far.poll();
        let packets = sent_packets(&lab, || {});
        assert_eq!(packets.len(), acks, "delay {delay:?}");
    }
}

#[test]
fn a_connecting_socket_is_polled_and_finished_without_waiting() {
    let lab = Lab::new(1);
    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let connecting = lab.near.tcp().unwrap().connect(SERVER.parse().unwrap()).unwrap();
    let mut connecting = match connecting.finish() {
        Err(Unfinished::Pending(connecting)) => connecting,
        other => panic!("not pending: {other:?}"),
    };
    assert_eq!(connecting.poll(), Err(nb::Error::WouldBlock));
    lab.run_for(Duration::from_millis(100));
    assert_eq!(connecting.poll(), Ok(()));
    assert!(connecting.finish().is_ok());
}

#[test]
fn an_erased_socket_converts_back_to_its_own_state_only() {
    let lab = Lab::new(1);
    let bound = lab.near.tcp().unwrap().bind(6000).unwrap();
    let any = AnyTcpSocket::from(bound);
    assert_eq!(any.state(), "Bound");
    let any = TcpSocket::<Connected>::try_from(any).unwrap_err();
    let bound = TcpSocket::<sockstate::state::Bound>::try_from(any).unwrap();
    assert_eq!(bound.local_endpoint().unwrap().port, 6000);

    let mut place = AnyTcpSocket::from(bound);
    assert_eq!(place.take().state(), "Bound");
    assert_eq!(place.state(), "Idle");
}

#[test]
fn a_listener_does_not_give_its_last_slot_away() {
    let heap = Heap { tcp: 2, tcp_rx: 1024, tcp_tx: 1024, ..Heap::default() };
    let lab = Lab::builder(1).far(heap).build();
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let connect = || {
        let connecting = lab.near.tcp().unwrap().connect(SERVER.parse().unwrap()).unwrap();
        connecting.wait_with(|_| lab.step()).unwrap()
    };
    let first = connect();
    let (accepted, _) = lab.block(|| listener.accept()).unwrap();
    let second = connect();
    let expected = second.local_endpoint().unwrap().port;
    lab.run_for(Duration::from_secs(5));
    assert!(matches!(listener.accept(), Err(nb::Error::WouldBlock)));

    drop(first);
    drop(accepted);
    let (_accepted, remote) = lab.block(|| listener.accept()).unwrap();
    assert_eq!(remote.port(), expected);
}

#[test]
fn losses_and_disorder_are_made_good() {
    use sockstate::device::{Cable, Faults};
    for seed in 0..8 {
        let faults = Faults {
            loss: 0.1,
            duplication: 0.05,
            reordering: 0.1,
            corruption: 0.02,
            delay: Duration::from_millis(5),
        };
        let cable = Cable::ethernet().with_faults(faults, seed);
        let lab = Lab::builder(seed).cable(cable).build();
        let (mut near, mut far) = lab.connection().unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let data = pattern(50_000);
        assert_eq!(transfer(&lab, &mut near, &mut far, &data), data, "seed {seed}");
    }
}

/// Each full frame is followed by one of somebody else.
#[test]
fn connections_with_much_to_send_take_turns() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let mut senders = [(); 2].map(|()| {
        let socket = lab.near.tcp().unwrap().connect("192.168.69.2:80".parse().unwrap()).unwrap();
        let connected = socket.wait().unwrap();
        (connected, lab.block(|| listener.accept()).unwrap())
    });
    for (mark, (socket, _)) in (1..).zip(&mut senders) {
        assert_eq!(socket.send(&[mark; 2 * 1_460]), Ok(2 * 1_460));
    }
    lab.near.poll().unwrap();
    let mut wire = lab.cable.plugs().1;
    let frames = core::iter::from_fn(|| wire.take(lab.clock.time()));
    let marks: Vec<_> = frames.filter_map(|frame| frame.last().copied()).collect();
    assert_eq!(marks, [1, 2, 1, 2]);
}

/// A program that polls in halves says with the second one what time it is.
#[test]
fn the_second_half_of_a_poll_sends_what_has_become_due() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let socket = lab.near.tcp().unwrap().connect("192.168.69.2:80".parse().unwrap()).unwrap();
    let mut socket = socket.wait().unwrap();
    let _peer = lab.block(|| listener.accept()).unwrap();
    lab.cable.cut();
    socket.send(b"lost").unwrap();
    assert_eq!(lab.near.poll_egress(), Ok(true));
    assert_eq!(lab.near.poll_egress(), Ok(false));
    lab.clock.advance(Duration::from_secs(2));
    assert_eq!(lab.near.poll_egress(), Ok(true), "the retransmission");
}

#[test]
fn a_keep_alive_of_days_is_silent_for_days() {
    const DAY: Duration = Duration::from_secs(24 * 3_600);
    let lab = Lab::new(1);
    let (mut near, _far) = lab.connection().unwrap();
    let frames_sent = || lab.near.statistics().unwrap().frames_sent;
    lab.run_for(Duration::from_secs(1));
    let before = frames_sent();
    near.set_keep_alive(Some(DAY * 3)).unwrap();
    lab.run_for(Duration::from_secs(1));
    assert_eq!(frames_sent(), before + 1, "the first probe");
    let before = frames_sent();
    lab.run_for(DAY * 2);
    assert_eq!(frames_sent(), before);
    lab.run_for(DAY * 2);
    assert!(frames_sent() > before);
}
