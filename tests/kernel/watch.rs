//! Many connections in one loop, which sleeps on the interface until one of them is ready.

use sockstate::{AnyTcpSocket, Ready};

use super::*;

/// The key of the listener.
const LISTENER: u16 = u16::MAX;

pub(crate) fn one_loop_serves_thirty_two_clients(family: Family) {
    const CLIENTS: usize = 32;
    let wire = Wire::new(family);
    // All may come at once: the backlog holds them.
    let heap = Heap { tcp: 2 * CLIENTS, ..Heap::default() };
    let tap = wire.tap();
    let doze = tap.doze().unwrap();
    let stack = Stack::new(heap, tap, StdClock::new(), wire.config()).unwrap();
    wire.join(&stack);
    let mut listener = listen(&stack, CLIENTS as u16);
    let server = wire.our(PORT);
    let start = Arc::new(Barrier::new(CLIENTS));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let start = start.clone();
            thread::spawn(move || {
                let mut stream = kernel_connect(server);
                // All are connected before the first one says anything.
                start.wait();
                converse(&mut stream, number as u64);
            })
        })
        .collect();

    let mut served: [AnyTcpSocket<'_>; CLIENTS] = Default::default();
    let mut watch = stack.watch().unwrap();
    watch.add(&listener, LISTENER, Ready::ACCEPT).unwrap();
    let (mut ended, mut idle) = (0, 0);
    while ended < CLIENTS {
        let sleep = |delay: Option<sockstate::Duration>| {
            check_limit();
            idle += 1;
            // A second, so that the limit is checked.
            let second = sockstate::Duration::from_secs(1);
            doze.sleep(Some(delay.map_or(second, |delay| delay.min(second))));
        };
        let event = stack.block_with(sleep, || watch.event()).unwrap();
        if event.key == LISTENER {
            let (client, _) = listener.accept().unwrap();
            let place = served.iter().position(|s| matches!(s, AnyTcpSocket::Idle)).unwrap();
            watch.add(&client, place as u16, Ready::RECEIVE).unwrap();
            served[place] = client.into();
            continue;
        }
        let place = usize::from(event.key);
        let AnyTcpSocket::Connected(client) = &mut served[place] else { panic!("{event:?}") };
        let mut buffer = [0; 8 * 1024];
        let room = client.send_room().unwrap_or(0).min(buffer.len());
        let interest = if room == 0 { Ready::SEND } else { Ready::RECEIVE };
        watch.add(client, event.key, interest).unwrap();
        match client.receive(&mut buffer[..room]) {
            Ok(received) => assert_eq!(client.send(&buffer[..received]), Ok(received)),
            Err(nb::Error::WouldBlock) => {}
            Err(nb::Error::Other(end)) => {
                assert_eq!(end, Error::PeerClosed);
                served[place] = AnyTcpSocket::Idle;
                ended += 1;
            }
        }
    }
    println!("slept {idle} times");
    for client in clients {
        join(&stack, client);
    }
}
