//! What is said over a connection, the same on both sides.

use super::*;

/// The size of the message of `ask`.
pub(crate) const MESSAGE: usize = 5_000;

/// Sends a message that no other number has, and expects it back reversed, and no more.
pub(crate) fn ask(stream: &mut (impl Read + Write), number: u8) {
    let mut expected = Random(number.into()).bytes(MESSAGE);
    stream.write_all(&expected).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    expected.reverse();
    assert!(answer == expected, "not the answer to {number}");
}

/// The other side of `ask`, but for the end of the stream.
pub(crate) fn answer(stream: &mut (impl Read + Write)) {
    let mut message = [0; MESSAGE];
    stream.read_exact(&mut message).unwrap();
    message.reverse();
    stream.write_all(&message).unwrap();
}

/// Sends messages of different sizes to `echo`, and expects each back.
pub(crate) fn converse(stream: &mut (impl Read + Write), seed: u64) {
    let mut random = Random(seed);
    for size in [1, 100, 1_460, 1_461, 50_000] {
        let sent = random.bytes(size);
        stream.write_all(&sent).unwrap();
        let mut received = vec![0; size];
        stream.read_exact(&mut received).unwrap();
        assert!(received == sent, "{size} bytes came back changed");
    }
}

/// Sends everything back until the end of the stream.
pub(crate) fn echo(stream: &mut (impl Read + Write)) {
    let mut buffer = [0; 4_096];
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => return,
            n => stream.write_all(&buffer[..n]).unwrap(),
        }
    }
}

/// Sends so many bytes, made from a seed.
pub(crate) fn pour(stream: &mut impl Write, bytes: u64, seed: u64) -> io::Result<Total> {
    let mut random = Random(seed);
    let mut tally = Tally::default();
    let mut buffer = [0; 16 * 1024];
    while tally.bytes < bytes {
        let size = (bytes - tally.bytes).min(buffer.len() as u64) as usize;
        random.fill(&mut buffer[..size]);
        stream.write_all(&buffer[..size])?;
        tally.add(&buffer[..size]);
    }
    Ok(tally.done())
}

/// Receives until the end of the stream.
pub(crate) fn drain(stream: &mut impl Read) -> io::Result<Total> {
    let mut tally = Tally::default();
    let mut buffer = [0; 16 * 1024];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(tally.done()),
            n => tally.add(&buffer[..n]),
        }
    }
}

/// Sends for ever, and says why that came to an end.
pub(crate) fn pour_until_it_fails(socket: &mut TcpSocket<'_, Connected>) -> Error {
    reason(&pour(&mut Blocking(socket), u64::MAX, 0).unwrap_err())
}

/// What has been sent or received so far.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) bytes: u64,
    sha256: Sha256,
}

impl Tally {
    pub(crate) fn add(&mut self, data: &[u8]) {
        self.bytes += data.len() as u64;
        self.sha256.update(data);
    }

    pub(crate) fn done(self) -> Total {
        Total { bytes: self.bytes, sha256: self.sha256.finalize().into() }
    }
}

/// What was sent or received altogether.
#[derive(Debug, PartialEq)]
pub(crate) struct Total {
    pub(crate) bytes: u64,
    sha256: [u8; 32],
}

pub(crate) fn report_rate(what: &str, bytes: u64, start: Instant) {
    let rate = bytes as f64 / 1e6 / start.elapsed().as_secs_f64();
    println!("{} MiB {what}: {rate:.0} MB/s", bytes / MIB);
}

/// Numbers that follow from a seed: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn fill(&mut self, buffer: &mut [u8]) {
        for chunk in buffer.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
    }

    pub(crate) fn bytes(&mut self, size: usize) -> Vec<u8> {
        let mut bytes = vec![0; size];
        self.fill(&mut bytes);
        bytes
    }
}

/// A new seed, or that of the environment; shown when the test fails.
pub(crate) fn seed() -> u64 {
    let seed = match env::var("SOCKSTATE_SEED") {
        Ok(given) => given.parse().expect("SOCKSTATE_SEED is a number"),
        Err(_) => RandomState::new().build_hasher().finish(),
    };
    println!("SOCKSTATE_SEED={seed}");
    seed
}
