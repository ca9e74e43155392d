//! Closing.

use super::*;

pub(crate) fn close_delivers_everything(family: Family) {
    everything_is_delivered(family, close);
}

pub(crate) fn drop_delivers_everything(family: Family) {
    everything_is_delivered(family, |socket| drop(socket));
}

pub(crate) fn everything_is_delivered(family: Family, end: fn(TcpSocket<'_, Connected>)) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let kernel = thread::spawn(move || drain(&mut kernel_accept(&listener)).unwrap());

    let mut socket = connect(&stack, server);
    let sent = pour(&mut Blocking(&mut socket), MIB, wire.seed).unwrap();
    assert_ne!(socket.send_queue(), Ok(0), "all is delivered already");
    end(socket);
    assert_eq!(join(&stack, kernel), sent);
}

pub(crate) fn the_kernels_fin_comes_after_its_last_byte(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let mut listener = listen(&stack, 1);
    let (server, seed) = (wire.our(PORT), wire.seed);
    let kernel = thread::spawn(move || pour(&mut kernel_connect(server), MIB, seed).unwrap());

    let (mut socket, _) = stack.block(|| listener.accept()).unwrap();
    let received = drain(&mut Blocking(&mut socket)).unwrap();
    assert_eq!(received, join(&stack, kernel));
    for _ in 0..2 {
        assert_eq!(socket.receive(&mut [0; 16]), Err(nb::Error::Other(Error::PeerClosed)));
    }
    close(socket);
}

pub(crate) fn half_closed_by_us(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let (listener, server) = wire.kernel_listener();
    let (our_seed, kernel_seed) = (wire.seed, !wire.seed);
    let kernel = thread::spawn(move || {
        let mut stream = kernel_accept(&listener);
        let received = drain(&mut stream).unwrap();
        (received, pour(&mut stream, MIB, kernel_seed).unwrap())
    });

    let mut socket = connect(&stack, server);
    let sent = pour(&mut Blocking(&mut socket), MIB, our_seed).unwrap();
    let mut socket = socket.shutdown();
    let received = drain(&mut Blocking(&mut socket)).unwrap();
    socket.close().wait().map(drop).unwrap();
    assert_eq!(join(&stack, kernel), (sent, received));
}

pub(crate) fn half_closed_by_the_kernel(family: Family) {
    let wire = Wire::new(family);
    let stack = wire.stack();
    let mut listener = listen(&stack, 1);
    let (server, our_seed, kernel_seed) = (wire.our(PORT), wire.seed, !wire.seed);
    let kernel = thread::spawn(move || {
        let mut stream = kernel_connect(server);
        let sent = pour(&mut stream, MIB, kernel_seed).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        (drain(&mut stream).unwrap(), sent)
    });

    let (mut socket, _) = stack.block(|| listener.accept()).unwrap();
    let received = drain(&mut Blocking(&mut socket)).unwrap();
    let sent = pour(&mut Blocking(&mut socket), MIB, our_seed).unwrap();
    close(socket);
    assert_eq!(join(&stack, kernel), (sent, received));
}
