//! Many clients of one listener.

use super::*;

pub(crate) fn sixteen_clients_at_once(family: Family) {
    const CLIENTS: u8 = 16;
    let wire = Wire::new(family);
    let heap = Heap { tcp: 2 * usize::from(CLIENTS), ..Heap::default() };
    let stack = wire.stack_with(heap, |_| {});
    let mut listener = listen(&stack, CLIENTS.into());
    let start = Arc::new(Barrier::new(CLIENTS.into()));
    let connected = Arc::new(AtomicUsize::new(0));
    let server = wire.our(PORT);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| {
            let (start, connected) = (start.clone(), connected.clone());
            thread::spawn(move || {
                start.wait();
                let mut stream = kernel_connect(server);
                connected.fetch_add(1, Ordering::Relaxed);
                ask(&mut stream, number);
            })
        })
        .collect();

    // Nobody is accepted before all are connected: the backlog holds them all.
    until(&stack, || connected.load(Ordering::Relaxed) == usize::from(CLIENTS));
    let connections: Vec<_> =
        (0..CLIENTS).map(|_| stack.block(|| listener.accept()).unwrap().0).collect();
    for mut socket in connections {
        answer(&mut Blocking(&mut socket));
        close(socket);
    }
    for client in clients {
        join(&stack, client);
    }
}

/// The kernel repeats the requests that were ignored.
pub(crate) fn clients_beyond_the_backlog_get_their_turn(family: Family) {
    const CLIENTS: u8 = 4;
    let wire = Wire::new(family);
    let heap = Heap { tcp: usize::from(CLIENTS), ..Heap::default() };
    let stack = wire.stack_with(heap, |_| {});
    let mut listener = listen(&stack, 1);
    let server = wire.our(PORT);
    let clients: Vec<_> = (0..CLIENTS)
        .map(|number| thread::spawn(move || ask(&mut kernel_connect(server), number)))
        .collect();

    for _ in 0..CLIENTS {
        let (mut socket, _) = stack.block(|| listener.accept()).unwrap();
        answer(&mut Blocking(&mut socket));
        close(socket);
    }
    for client in clients {
        join(&stack, client);
    }
}

pub(crate) fn clients_beyond_the_backlog_are_refused_if_so_configured(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack_with(Heap::default(), |config| config.overflow = Overflow::Refuse);
    let mut listener = listen(&stack, 1);
    let server = wire.our(PORT);
    let kernel = thread::spawn(move || {
        let first = kernel_connect(server);
        let second = TcpStream::connect_timeout(&server, PATIENCE).map_err(|error| error.kind());
        assert_eq!(second.err(), Some(ErrorKind::ConnectionRefused));
        first
    });

    let first = join(&stack, kernel);
    let (_, client) = stack.block(|| listener.accept()).unwrap();
    assert_eq!(client, first.local_addr().unwrap());
}
