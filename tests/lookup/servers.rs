//! Which server is asked when, and what becomes of its failures.

use super::*;

/// Neighbours are asked for once a second: lets the second server be known already.
fn greet_the_second(lab: &Lab) {
    let mut greeting = lab.near.udp().unwrap().connect("[fd00::2]:9".parse().unwrap()).unwrap();
    greeting.send(b"hello").unwrap();
    lab.run_for(Duration::from_secs(2));
}

#[test]
fn a_server_that_fails_is_an_error_unless_another_answers() {
    let lab = lab();
    let failed = |asked: &Asked| vec![reply(asked, SERVER_FAILURE, &[])];
    let found = ask_for(&lab, "host.test", AddrType::Ipv4, failed);
    assert_eq!(found, Err(Error::NameServerFailed));

    lab.near.set_dns_servers(&[ip("192.168.69.2"), ip("fd00::2")]).unwrap();
    greet_the_second(&lab);
    let start = lab.clock.time();
    let found = ask_for(&lab, "host.test", AddrType::Ipv4, |asked| {
        if asked.from.is_ipv4() {
            failed(asked)
        } else {
            vec![reply(asked, 0, &[address("host.test", "10.0.0.7")])]
        }
    });
    assert_eq!(found, Ok(ip("10.0.0.7")));
    assert!(lab.clock.time() - start < Duration::from_millis(100), "at once");
}

#[test]
fn a_silent_server_is_asked_again_and_given_up_in_time() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let start = lab.clock.time();
    let lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    let found = ask(&lab, &server, lookup, |_| vec![]);
    assert_eq!(found, Err(Error::TimedOut));
    assert_eq!(server.times(), [0, 1_500, 4_500]);
    assert_eq!((lab.clock.time() - start).secs(), 10);
    assert_eq!(free(&lab.near), SLOTS);
}

#[test]
fn servers_take_turns_while_one_is_silent() {
    let lab = lab();
    lab.near.set_dns_servers(&[ip("192.168.69.2"), ip("fd00::2")]).unwrap();
    let server = Server::new(&lab.far);
    let lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    let found = ask(&lab, &server, lookup, |asked| {
        // The IPv6 server answers the second time only.
        let answers = asked.from.is_ipv6() && server.asked.borrow().len() == 3;
        if answers { vec![reply(asked, 0, &[address("host.test", "10.0.0.7")])] } else { vec![] }
    });
    assert_eq!(found, Ok(ip("10.0.0.7")));
    assert_eq!(server.times(), [0, 1_500, 3_000, 6_000]);
}

#[test]
fn a_server_that_failed_is_not_asked_again() {
    let lab = lab();
    lab.near.set_dns_servers(&[ip("192.168.69.2"), ip("fd00::2")]).unwrap();
    for first_fails in [true, false] {
        let server = Server::new(&lab.far);
        let start = lab.clock.time();
        let lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
        let fails = |asked: &Asked| asked.from.is_ipv4() == first_fails;
        let found = ask(&lab, &server, lookup, |asked| {
            if fails(asked) { vec![reply(asked, SERVER_FAILURE, &[])] } else { vec![] }
        });
        assert_eq!(found, Err(Error::TimedOut));
        assert_eq!(server.asked.borrow().iter().filter(|asked| fails(asked)).count(), 1);
        // The time that one left over is the other one's.
        assert_eq!((lab.clock.time() - start).secs(), 10);
    }
}

#[test]
fn a_server_without_a_next_hop_is_given_up_and_the_other_one_asked() {
    let lab = lab();
    lab.near.set_dns_servers(&[ip("192.168.69.77"), ip("192.168.69.2")]).unwrap();
    let found = ask_for(&lab, "host.test", AddrType::Ipv4, |asked| {
        vec![reply(asked, 0, &[address("host.test", "10.0.0.7")])]
    });
    assert_eq!(found, Ok(ip("10.0.0.7")));

    lab.near.set_dns_servers(&[ip("192.168.69.77")]).unwrap();
    let lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    assert_eq!(lookup.wait(), Err(Error::TimedOut));
    assert_eq!(free(&lab.near), SLOTS, "at once, though a question waits for its next hop");
}

#[test]
fn a_server_that_cannot_be_reached_is_passed_over() {
    let lab = lab();
    lab.near.set_dns_servers(&[ip("10.9.9.9"), ip("192.168.69.2")]).unwrap();
    let start = lab.clock.time();
    let found = ask_for(&lab, "host.test", AddrType::Ipv4, |asked| {
        vec![reply(asked, 0, &[address("host.test", "10.0.0.7")])]
    });
    assert_eq!(found, Ok(ip("10.0.0.7")));
    assert!(lab.clock.time() - start < Duration::from_millis(100), "at once");
    lab.near.set_dns_servers(&[ip("10.9.9.9")]).unwrap();
    let nowhere = lab.near.lookup("host.test", AddrType::Ipv4).map(drop);
    assert_eq!(nowhere, Err(Error::NoRoute));
    assert_eq!(free(&lab.near), SLOTS);
}

/// The turn of the last one, that cannot be reached, is the first one's.
#[test]
fn a_last_server_that_cannot_be_reached_is_passed_over() {
    let lab = lab();
    lab.near.set_dns_servers(&[ip("192.168.69.2"), ip("10.9.9.9")]).unwrap();
    let mut times = 0;
    let found = ask_for(&lab, "host.test", AddrType::Ipv4, |asked| {
        times += 1;
        let answer = reply(asked, 0, &[address("host.test", "10.0.0.7")]);
        if times == 2 { vec![answer] } else { vec![] }
    });
    assert_eq!(found, Ok(ip("10.0.0.7")));
}

#[test]
fn a_server_that_is_given_twice_is_one() {
    let lab = lab();
    lab.near.set_dns_servers(&[ip("192.168.69.2"); 4]).unwrap();
    let server = Server::new(&lab.far);
    let lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    let failed = |asked: &Asked| vec![reply(asked, SERVER_FAILURE, &[])];
    assert_eq!(ask(&lab, &server, lookup, failed), Err(Error::NameServerFailed));
    assert_eq!(server.asked.borrow().len(), 1);
}

#[test]
fn other_servers_are_asked_from_the_start() {
    let lab = lab();
    lab.near.set_dns_servers(&[ip("fd00::2"), ip("192.168.69.77")]).unwrap();
    let server = Server::new(&lab.far);
    let lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    let found = ask(&lab, &server, lookup, |asked| {
        if asked.from.is_ipv6() {
            lab.near.set_dns_servers(&[ip("192.168.69.2")]).unwrap();
            return vec![reply(asked, SERVER_FAILURE, &[])];
        }
        vec![reply(asked, 0, &[address("host.test", "10.0.0.7")])]
    });
    // The failure is the word of a server that is none any more, and the next question comes when
    // it is due.
    assert_eq!(found, Ok(ip("10.0.0.7")));

    lab.near.set_dns_servers(&[ip("fd00::2"), ip("192.168.69.77")]).unwrap();
    let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    lab.block(|| {
        server.step(&lab, |asked| vec![reply(asked, SERVER_FAILURE, &[])]);
        assert_eq!(lookup.poll(), Err(nb::Error::WouldBlock));
        let asked = server.asked.borrow();
        if asked.last().unwrap().from.is_ipv6() {
            Ok::<_, nb::Error<()>>(())
        } else {
            Err(nb::Error::WouldBlock)
        }
    })
    .unwrap();
    lab.run_for(Duration::from_millis(10));
    assert_eq!(lookup.poll(), Err(nb::Error::WouldBlock), "the first one has failed");
    lab.near.set_dns_servers(&[ip("192.168.69.2")]).unwrap();
    let found = ask(&lab, &server, lookup, |asked| {
        vec![reply(asked, 0, &[address("host.test", "10.0.0.7")])]
    });
    assert_eq!(found, Ok(ip("10.0.0.7")), "another is in its place");
}

#[test]
fn servers_take_turns_for_as_long_as_it_takes() {
    let lab = Lab::builder(7).configure_near(|c| c.deadlines.lookup = None).build();
    lab.near.set_dns_servers(&[ip("192.168.69.2"), ip("fd00::2")]).unwrap();
    let server = Server::new(&lab.far);
    let lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    let found = ask(&lab, &server, lookup, |asked| {
        // Only the first one comes back, after an hour and a half.
        if server.asked.borrow().len() > 600 && asked.from.is_ipv4() {
            return vec![reply(asked, 0, &[address("host.test", "10.0.0.7")])];
        }
        vec![]
    });
    assert_eq!(found, Ok(ip("10.0.0.7")));
    // Each round takes twice as long as the one before, up to eight times the first.
    let times = server.times();
    let waits: Vec<_> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits[..8], [1_500, 1_500, 3_000, 3_000, 6_000, 6_000, 12_000, 12_000]);
    assert!(waits[8..].iter().all(|wait| *wait == 12_000), "{waits:?}");
}

/// What is left of the time for an answer is the next server's; when it is over, nothing is left.
#[test]
fn a_failure_that_is_heard_late_leaves_no_time_over() {
    let lab = lab();
    lab.near.set_dns_servers(&[ip("192.168.69.2"), ip("fd00::2")]).unwrap();
    greet_the_second(&lab);
    let server = Server::new(&lab.far);
    let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    ask_in_vain(&lab, &server, &mut lookup, 1);
    let first = server.asked.borrow()[0].clone();
    server.send(&reply(&first, SERVER_FAILURE, &[]), first.from);
    lab.run_for(Duration::from_millis(10));
    lab.clock.advance(Duration::from_secs(7));
    let start = lab.clock.time();
    assert_eq!(ask(&lab, &server, lookup, |_| vec![]), Err(Error::TimedOut));
    assert_eq!((lab.clock.time() - start).total_millis(), 8_500);
}

#[test]
fn an_answer_behind_a_failure_is_not_lost() {
    let lab = lab();
    lab.near.set_dns_servers(&[ip("192.168.69.2"), ip("fd00::2")]).unwrap();
    let server = Server::new(&lab.far);
    let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    // Neither answers at first; then both do, the failure first.
    ask_in_vain(&lab, &server, &mut lookup, 2);
    let asked = server.asked.take();
    server.send(&reply(&asked[0], SERVER_FAILURE, &[]), asked[0].from);
    server.send(&reply(&asked[1], 0, &[address("host.test", "10.0.0.7")]), asked[1].from);
    lab.run_for(Duration::from_millis(10));
    assert_eq!(lookup.poll(), Ok(ip("10.0.0.7")));
}

#[test]
fn a_failure_that_is_repeated_is_one() {
    let lab = lab();
    lab.near.set_dns_servers(&[ip("192.168.69.2"), ip("fd00::2")]).unwrap();
    for which in 0..2 {
        let server = Server::new(&lab.far);
        greet_the_second(&lab);
        let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
        ask_in_vain(&lab, &server, &mut lookup, which + 1);
        let failing = server.asked.borrow()[which].clone();
        for _ in 0..50 {
            server.send(&reply(&failing, SERVER_FAILURE, &[]), failing.from);
            lab.run_for(Duration::from_millis(20));
            assert_eq!(lookup.poll(), Err(nb::Error::WouldBlock));
            server.step(&lab, |_| vec![]);
        }
        assert_eq!(server.asked.borrow().len(), which + 2, "the other one once in a second");
    }
}

#[test]
fn an_answer_that_does_not_tell_is_a_failure() {
    let lab = lab();
    // Cut short, and of a server that neither knows nor asks others.
    for flags in [[0x82, 0x80], [0x80, 0x00]] {
        let found = ask_for(&lab, "host.test", AddrType::Ipv4, |asked| {
            let mut message = reply(asked, 0, &[]);
            message[2..4].copy_from_slice(&flags);
            vec![message]
        });
        assert_eq!(found, Err(Error::NameServerFailed), "{flags:x?}");
    }
    // One may be cut short within a record.
    let found = ask_for(&lab, "host.test", AddrType::Ipv4, |asked| {
        let mut message = reply(asked, 0, &[address("host.test", "10.0.0.7")]);
        message[2] |= 0x02;
        message.truncate(message.len() - 2);
        vec![message]
    });
    assert_eq!(found, Err(Error::NameServerFailed));
    // What is in one that was cut short is used.
    let found = ask_for(&lab, "host.test", AddrType::Ipv4, |asked| {
        let mut message = reply(asked, 0, &[address("host.test", "10.0.0.7")]);
        message[2] |= 0x02;
        vec![message]
    });
    assert_eq!(found, Ok(ip("10.0.0.7")));
}

/// A server that is set while a look-up waits for others is asked at once, and not at its next alarm:
/// the time may be over before that.
#[test]
fn a_server_that_is_set_meanwhile_is_asked() {
    let lab = lab();
    let server = Server::new(&lab.far);
    lab.near.set_dns_servers(&["192.168.69.77".parse().unwrap()]).unwrap();
    let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    let start = lab.clock.time();
    let mut changed = false;
    let found = lab.block(|| {
        if !changed && lab.clock.time() - start > Duration::from_millis(4_600) {
            changed = true;
            lab.near.set_dns_servers(&["192.168.69.2".parse().unwrap()]).unwrap();
        }
        server.step(&lab, |asked| vec![reply(asked, 0, &[address("host.test", "10.0.0.1")])]);
        lookup.poll()
    });
    assert_eq!(found, Ok("10.0.0.1".parse().unwrap()));
    assert!(lab.clock.time() - start < Duration::from_secs(7));
}

#[test]
fn a_server_that_failed_for_one_kind_of_address_is_asked_for_the_other() {
    let lab = lab();
    lab.near.set_dns_servers(&[ip("192.168.69.2"), ip("fd00::2")]).unwrap();
    greet_the_second(&lab);
    let found = ask_for(&lab, "host.test", AddrType::Either, |asked| {
        match (asked.from.is_ipv4(), asked.kind) {
            (true, A) => vec![reply(asked, SERVER_FAILURE, &[])],
            (false, A) => vec![reply(asked, 0, &[])],
            (true, _) => vec![reply(asked, 0, &[address("host.test", "2001:db8::7")])],
            (false, _) => vec![],
        }
    });
    assert_eq!(found, Ok(ip("2001:db8::7")));
}
