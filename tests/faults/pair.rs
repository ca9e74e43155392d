//! Two stacks on one cable, whose devices and clock are the test's, and what holds for whoever runs
//! them at all times: nobody is kept busy for nothing.

use std::cell::Cell;
use std::rc::Rc;

use sockstate::device::Cable;
use sockstate::{Config, Duration, Heap, Instant, Protocol, Stack};

use super::device::{Control, Faulty};

/// More polls at one instant than any burst of frames needs.
const MOST_POLLS: usize = 400;

/// How long whoever runs a stack leaves a device alone that has no room, or does not say that it
/// has a frame: twice as long each time.
const PAUSES: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(512)];

pub type Clock = Box<dyn FnMut() -> Instant>;

/// What is wrong with a clock.
#[derive(Clone, Copy, Debug)]
pub enum Wrong {
    /// At this reading so many microseconds are found to have passed.
    Jumps(usize, i64),
    /// It stands still from this reading on, for so many.
    Stands(usize, usize),
}

/// The time as the test has it, and as the clocks of both stacks tell it.
pub struct Time {
    now: Cell<Instant>,
    /// How often a clock was read.
    pub reads: Cell<usize>,
    pub wrong: Cell<Option<Wrong>>,
    /// By how many microseconds the clocks have jumped ahead.
    pub jumped: Cell<i64>,
    /// By how many microseconds they went back, and broke their promise: how busy that keeps a
    /// program is not promised, and what has a time has it so much longer.
    pub went_back: Cell<i64>,
}

impl Time {
    fn new(start: Instant) -> Self {
        let (reads, wrong, jumped, went_back) = Default::default();
        Time { now: Cell::new(start), reads, wrong, jumped, went_back }
    }

    fn read(&self) -> Instant {
        self.reads.set(self.reads.get() + 1);
        if let Some(Wrong::Jumps(at, by)) = self.wrong.get()
            && at == self.reads.get()
        {
            self.jumped.set(self.jumped.get() + by.max(0));
            self.went_back.set((-by).max(0));
            self.now.set(Instant::from_micros(self.now.get().total_micros() + by));
        }
        self.now.get()
    }

    fn pass(&self, until: Instant) {
        match self.wrong.get() {
            Some(Wrong::Stands(from, times))
                if (from..from + times).contains(&self.reads.get()) => {}
            // One that has jumped is not set back.
            _ => self.now.set(until.max(self.now.get())),
        }
    }
}

pub struct End {
    pub stack: Stack<Faulty, Clock>,
    pub control: Rc<Control>,
    /// How often in a row it was polled in vain although it had something to do, and the device
    /// room.
    spins: Cell<usize>,
}

pub struct Pair {
    pub near: End,
    pub far: End,
    pub cable: Cable,
    pub time: Rc<Time>,
    /// The memory of each end.
    pub heaps: [Heap; 2],
    /// The instant that is, and the polls since it is.
    polls: Cell<(Instant, usize)>,
    pause: Cell<Duration>,
}

/// The memory of an end.
pub const HEAP: Heap = Heap {
    tcp: 8,
    udp: 4,
    tcp_rx: 2000,
    tcp_tx: 1200,
    udp_buf: 1024,
    udp_packets: 4,
    icmp: 1,
    icmp_buf: 256,
    icmp_packets: 2,
    raw: 0,
    ..Heap::DEFAULT
};

impl Pair {
    pub fn new() -> Self {
        Pair::with(HEAP, Instant::from_secs(1_000), |_| {})
    }

    pub fn with(near: Heap, start: Instant, configure: impl Fn(&mut Config)) -> Self {
        let time = Rc::new(Time::new(start));
        let cable = Cable::ethernet();
        let (near_plug, far_plug) = cable.plugs();
        let end = |heap, plug, host: u8| {
            let control = Rc::<Control>::default();
            let mut config = Config::ethernet([0x02, 0, 0, 0, 0, host], host.into());
            config.idle = |_| panic!("everybody waits with the scene's `wait`");
            configure(&mut config);
            let clock: Clock = Box::new({
                let time = Rc::clone(&time);
                move || time.read()
            });
            let device = Faulty { plug, control: Rc::clone(&control) };
            let stack = Stack::new(heap, device, clock, config).unwrap();
            stack.add_address(format!("192.168.69.{host}/24").parse().unwrap()).unwrap();
            End { stack, control, spins: Cell::default() }
        };
        Pair {
            near: end(near, near_plug, 1),
            far: end(HEAP, far_plug, 2),
            polls: Cell::new((start, 0)),
            pause: Cell::new(PAUSES[0]),
            cable,
            time,
            heaps: [near, HEAP],
        }
    }

    pub fn ends(&self) -> [&End; 2] {
        [&self.near, &self.far]
    }

    pub fn now(&self) -> Instant {
        self.time.now.get()
    }

    /// The microseconds that have passed: those by which the clocks jumped ahead have not.
    pub fn lived(&self) -> i64 {
        self.now().total_micros() - self.time.jumped.get()
    }

    /// When so many microseconds will have passed.
    pub fn until(&self, lived: i64) -> Instant {
        let left = Duration::from_micros((lived - self.lived()).max(0) as u64);
        self.now() + left
    }

    /// Polls both stacks. Whether a frame moved.
    pub fn poll(&self) -> bool {
        let (at, polls) = self.polls.get();
        let polls = if at == self.now() { polls + 1 } else { 0 };
        assert!(polls < MOST_POLLS, "{polls} polls at one instant");
        self.polls.set((self.now(), polls));
        self.near.poll(&self.time) | self.far.poll(&self.time)
    }

    /// Polls both stacks. If nothing moved, lets time pass until something will, but not beyond
    /// `limit`.
    pub fn step(&self, limit: Instant) {
        if self.poll() {
            return self.pause.set(PAUSES[0]);
        }
        let now = self.now();
        let own = self.ends().map(|end| end.stack.poll_delay().map(|delay| now + delay));
        let late = self.ends().map(|end| end.control.next_late());
        let next = own.into_iter().chain(late).flatten().chain(self.cable.next_arrival()).min();
        let next = match next {
            Some(at) if at <= now => now + self.pause.replace(PAUSES[1].min(self.pause.get() * 2)),
            next => next.unwrap_or(limit),
        };
        self.time.pass(next.min(limit));
    }

    /// Lets both stacks do what they do in so many seconds.
    pub fn run_for(&self, seconds: u64) {
        let end = self.lived() + micros(seconds);
        while self.lived() < end {
            self.step(self.until(end));
        }
    }
}

pub fn micros(seconds: u64) -> i64 {
    seconds as i64 * 1_000_000
}

impl End {
    fn poll(&self, time: &Time) -> bool {
        self.stack.with_device(|device| device.release(time.now.get())).unwrap();
        let refusals = self.control.refusals.get();
        self.control.refusals_in_a_row.set(0);
        let moved = self.stack.poll().unwrap();
        let is_busy = self.stack.poll_delay() == Some(Duration::ZERO);
        let has_room = self.control.refusals.get() == refusals;
        let spins = if is_busy && has_room && !moved { self.spins.get() + 1 } else { 0 };
        // Once after a time limit has ended.
        assert!(spins < 3 || time.went_back.get() > 0, "busy with nothing");
        self.spins.set(spins);
        moved
    }

    pub fn free(&self) -> [usize; 3] {
        [Protocol::Tcp, Protocol::Udp, Protocol::Icmp]
            .map(|protocol| self.stack.free_slots(protocol).unwrap())
    }
}
