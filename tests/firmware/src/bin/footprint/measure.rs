//! Builds the images, looks into them and runs them.

use std::path::{Path, PathBuf};

use sockstate_firmware_tests::Board;
use sockstate_firmware_tests::build::{build, path};
use sockstate_firmware_tests::qemu::{Machine, Setup};

use crate::image::Image;
use crate::table::{Bound, Row};

const BOARD: Board = Board::Mps2An385;

const KIB: i64 = 1_024;

/// What `quickstart` and its twin do, step by step.
struct Stage {
    name: &'static str,
    features: &'static [&'static str],
    /// In its storage.
    sockets: i64,
    /// How much more flash than the twin it may take.
    flash: Option<Bound>,
}

const ALL: &[&str] = &["udp", "dhcp", "dns"];

const STAGES: [Stage; 4] = [
    Stage { name: "TCP", features: &[], sockets: 1, flash: Some(Bound::By(3 * KIB)) },
    Stage { name: "TCP, UDP", features: &["udp"], sockets: 2, flash: None },
    Stage { name: "TCP, UDP, DHCP", features: &["udp", "dhcp"], sockets: 2, flash: None },
    Stage {
        name: "TCP, UDP, DHCP, DNS",
        features: ALL,
        sockets: 2,
        flash: Some(Bound::By(5 * KIB)),
    },
];

/// What the images wait on for a minute, and the feature for it.
const IDLE: [(&str, &str); 2] =
    [("an idle connection", "idle"), ("one that is probed each 10 s", "keep-alive")];

/// Instructions take a nanosecond each, and the same program the same each time.
const COUNTED: &[&str] = &["-icount", "shift=0"];
/// And time in which the core sleeps takes none.
const HURRIED: &[&str] = &["-icount", "shift=0,sleep=off"];

/// In the order of [`Side::ALL`].
#[derive(Clone, Copy)]
enum Side {
    Ours,
    Twin,
    SmoltcpNal,
    EmbassyNet,
}

impl Side {
    const ALL: [Side; 4] = [Side::Ours, Side::Twin, Side::SmoltcpNal, Side::EmbassyNet];
    const BOTH: [Side; 2] = [Side::Ours, Side::Twin];
}

/// An image: its name and its features.
#[derive(Clone)]
struct Recipe(&'static str, Vec<&'static str>);

impl Recipe {
    fn quickstart(side: Side, features: &[&'static str], more: &[&'static str]) -> Self {
        let (bin, needed): (_, &[_]) = match side {
            Side::Ours => ("quickstart", &[]),
            Side::Twin if features.contains(&"dns") => ("twin", &["twin-dns"]),
            Side::Twin => ("twin", &["twin"]),
            Side::SmoltcpNal => ("smoltcp_nal", &["smoltcp-nal"]),
            Side::EmbassyNet => ("embassy_net", &["embassy-net", "embassy"]),
        };
        Recipe(bin, [features, more, needed].concat())
    }

    /// The one that prints where it panics, so that this is in the image.
    fn with_panics() -> Self {
        Recipe::quickstart(Side::Ours, ALL, &["semihosting"])
    }

    /// Traffic inside the machine.
    fn bench(side: Side) -> Self {
        let (bin, needed): (_, &[_]) = match side {
            Side::Ours => ("bench", &[]),
            Side::Twin => ("bench_twin", &[]),
            Side::SmoltcpNal => ("bench_smoltcp_nal", &["smoltcp-nal"]),
            Side::EmbassyNet => ("bench_embassy_net", &["embassy-net"]),
        };
        Recipe(bin, [ALL, &["bench", "semihosting"], needed].concat())
    }

    fn path(&self) -> PathBuf {
        path(self.0, BOARD, &self.1)
    }

    fn image(&self) -> Image {
        Image::read(&self.path())
    }

    /// Runs the image, and says what it has printed.
    fn run(&self, options: &[&str]) -> Vec<String> {
        let setup = Setup { options, ..Setup::default() };
        Machine::start(BOARD, &self.path(), &setup).finish()
    }
}

/// Builds all images.
pub fn build_all() {
    let mut recipes = Side::ALL.map(Recipe::bench).to_vec();
    recipes.push(Recipe::with_panics());
    for side in Side::ALL {
        for Stage { features, .. } in STAGES {
            recipes.push(Recipe::quickstart(side, features, &[]));
            recipes.push(Recipe::quickstart(side, features, &["stack"]));
        }
    }
    for side in Side::BOTH {
        for (_, feature) in IDLE {
            recipes.push(Recipe::quickstart(side, ALL, &["semihosting", feature]));
        }
    }
    for Recipe(bin, features) in recipes {
        build(bin, BOARD, &features);
    }
}

/// The compiler that has made the images.
pub fn compiler() -> String {
    Recipe::quickstart(Side::Ours, ALL, &[]).image().compiler()
}

/// Measures all images.
pub fn all() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(STAGES.iter().map(flash));
    rows.extend(STAGES.iter().map(ram));
    rows.extend(STAGES.iter().map(stack));
    rows.extend(works());
    rows.extend(IDLE.iter().map(wake_ups));
    rows.push(panics());
    rows
}

fn flash(stage: &Stage) -> Row {
    row(format!("flash, {}", stage.name), stage.flash, |side| {
        Recipe::quickstart(side, stage.features, &[]).image().flash()
    })
}

fn ram(stage: &Stage) -> Row {
    let bound = Bound::By(64 * stage.sockets + 256);
    row(format!("static RAM, {}", stage.name), Some(bound), |side| {
        Recipe::quickstart(side, stage.features, &[]).image().static_ram()
    })
}

fn stack(stage: &Stage) -> Row {
    row(format!("stack, {}", stage.name), Some(Bound::By(256)), |side| {
        let printed = Recipe::quickstart(side, stage.features, &["stack"]).run(COUNTED);
        number(&printed, "stack: ", "")
    })
}

/// The same of each side.
fn row(what: String, bound: Option<Bound>, measure: impl Fn(Side) -> i64) -> Row {
    let [ours, twin, peers @ ..] = Side::ALL.map(measure);
    Row { what, ours, twin, bound, peers: Some(peers) }
}

fn wake_ups((name, feature): &(&str, &'static str)) -> Row {
    let [ours, twin] = Side::BOTH.map(|side| {
        let printed = Recipe::quickstart(side, ALL, &["semihosting", feature]).run(HURRIED);
        number(&printed, "idle: ", " wake-ups")
    });
    let what = format!("wake-ups in a minute, {name}");
    Row { what, ours, twin, bound: Some(Bound::By(0)), peers: None }
}

/// The number in the line that begins and ends like this.
fn number(printed: &[String], begin: &str, end: &str) -> i64 {
    printed
        .iter()
        .find_map(|line| line.strip_prefix(begin)?.strip_suffix(end)?.parse().ok())
        .unwrap_or_else(|| panic!("no line begins with {begin:?}"))
}

/// Some traffic inside the machine.
struct Work {
    name: String,
    instructions: i64,
    frames: i64,
}

impl Work {
    /// `bench: NAME: 10 times, 20 instructions, 30 frames, 40 turns`
    fn parse(line: &str) -> Option<Work> {
        let (name, numbers) = line.strip_prefix("bench: ")?.split_once(": ")?;
        let mut numbers = numbers.split(' ').filter_map(|word| word.parse::<i64>().ok());
        let (times, instructions, frames) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let (instructions, frames) = (instructions / times, frames / times);
        Some(Work { name: name.to_owned(), instructions, frames })
    }
}

/// Instructions of each work, and of how many frames they are.
fn works() -> Vec<Row> {
    let works = Side::ALL.map(|side| -> Vec<_> {
        let printed = Recipe::bench(side).run(COUNTED);
        printed.iter().filter_map(|line| Work::parse(line)).collect()
    });
    let rows = |what: &str, bound: Option<Bound>, count: fn(&Work) -> i64| -> Vec<Row> {
        let of_all = |(index, work): (usize, &Work)| {
            let what = format!("{what}, {}", work.name);
            row(what, bound, |side| count(&works[side as usize][index]))
        };
        works[0].iter().enumerate().map(of_all).collect()
    };
    let instructions = rows("instructions", Some(Bound::Percent(5)), |work| work.instructions);
    instructions.into_iter().chain(rows("frames", None, |work| work.frames)).collect()
}

/// Places where sockstate may panic.
fn panics() -> Row {
    let image = Recipe::with_panics().image();
    // smoltcp has some. If none is found, none of ours would be.
    let any = image.panics(Path::new("/"));
    assert!(any.iter().any(|at| at.contains("/smoltcp-")), "only these panics: {any:?}");
    let sources = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../src"));
    let ours = image.panics(&sources.canonicalize().expect("the library's sources"));
    ours.iter().for_each(|at| eprintln!("may panic: {at}"));
    let what = "places that may panic".to_owned();
    Row { what, ours: ours.len() as i64, twin: 0, bound: Some(Bound::By(0)), peers: None }
}
