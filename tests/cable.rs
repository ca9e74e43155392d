//! The cable: what goes wrong on it does so as often as it should, and in no other way.

use sockstate::device::{Cable, Faults, Plug};
use sockstate::smoltcp::phy::Device;
use sockstate::{Duration, Instant};

const NOW: Instant = Instant::from_millis_const(5);
const FRAMES: usize = 10_000;

fn with(faults: Faults) -> (Cable, Plug, Plug) {
    let cable = Cable::ethernet().with_faults(faults, 1).with_capacity(2 * FRAMES);
    let (near, far) = cable.plugs();
    (cable, near, far)
}

fn taken(plug: &mut Plug, now: Instant) -> Vec<Vec<u8>> {
    core::iter::from_fn(|| plug.take(now)).collect()
}

/// Sends numbered frames, and returns the numbers of those that arrive.
fn arriving(faults: Faults) -> Vec<u32> {
    let (_, mut near, mut far) = with(faults);
    for number in 0..FRAMES as u32 {
        near.inject(NOW, &number.to_be_bytes());
    }
    let number = |frame: Vec<u8>| u32::from_be_bytes(frame.try_into().unwrap());
    taken(&mut far, NOW).into_iter().map(number).collect()
}

/// A quarter of all, give or take six standard deviations.
#[track_caller]
fn assert_a_quarter(count: usize) {
    let deviation = (FRAMES as f64 * 0.25 * 0.75).sqrt();
    let off = (count as f64 - FRAMES as f64 / 4.0).abs();
    assert!(off < 6.0 * deviation, "{count} of {FRAMES} are no quarter");
}

#[test]
fn without_faults_all_arrive_once_and_in_order() {
    assert!(arriving(Faults::default()).into_iter().eq(0..FRAMES as u32));
}

#[test]
fn a_share_of_all_frames_is_lost() {
    let numbers = arriving(Faults { loss: 0.25, ..Faults::default() });
    assert_a_quarter(FRAMES - numbers.len());
    assert!(numbers.is_sorted_by(|a, b| a < b), "what arrives does so once and in order");
}

#[test]
fn a_share_of_all_frames_arrives_twice() {
    let numbers = arriving(Faults { duplication: 0.25, ..Faults::default() });
    assert_a_quarter(numbers.len() - FRAMES);
    let twice = numbers.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert_eq!(twice, numbers.len() - FRAMES, "the copy comes right after the frame");
    assert!(numbers.is_sorted());
}

#[test]
fn a_share_of_all_frames_overtakes_the_one_before() {
    let mut numbers = arriving(Faults { reordering: 0.25, ..Faults::default() });
    assert_eq!(numbers.len(), FRAMES);
    // A frame that is overtaken again and again falls back further: each time it is one place.
    let mut exchanges = 0;
    for end in (1..FRAMES).rev() {
        let newest = numbers.iter().position(|number| *number == end as u32).unwrap();
        exchanges += end - newest;
        assert!(end - newest <= 1, "{end} has overtaken {}", end - newest);
        numbers.remove(newest);
    }
    assert_a_quarter(exchanges);
}

#[test]
fn in_a_share_of_all_frames_one_bit_is_turned() {
    const FRAME: [u8; 4] = [0x00, 0xff, 0x55, 0xaa];
    let (_, mut near, mut far) = with(Faults { corruption: 0.25, ..Faults::default() });
    for _ in 0..FRAMES {
        near.inject(NOW, &FRAME);
    }
    let frames = taken(&mut far, NOW);
    assert_eq!(frames.len(), FRAMES);

    let mut turned = [0; 8 * FRAME.len()];
    for frame in frames {
        let bits = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
        let change = bits(&frame) ^ bits(&FRAME);
        match change.count_ones() {
            0 => {}
            1 => turned[change.trailing_zeros() as usize] += 1,
            more => panic!("{more} bits of a frame have turned"),
        }
    }
    assert_a_quarter(turned.iter().sum());
    // Some 78 each.
    assert!(turned.iter().all(|count| (30..=140).contains(count)), "{turned:?}");
}

#[test]
fn nothing_is_turned_in_a_frame_of_nothing() {
    let (_, mut near, mut far) = with(Faults { corruption: 1.0, ..Faults::default() });
    near.inject(NOW, &[]);
    assert_eq!(far.take(NOW), Some(vec![]));
}

#[test]
fn what_is_certain_always_happens() {
    assert_eq!(arriving(Faults { loss: 1.0, ..Faults::default() }), []);
    assert_eq!(arriving(Faults { duplication: 1.0, ..Faults::default() }).len(), 2 * FRAMES);
}

#[test]
fn a_seed_decides_what_goes_wrong() {
    let lost = |seed| {
        let faults = Faults { loss: 0.5, ..Faults::default() };
        let (mut near, mut far) = Cable::ethernet().with_faults(faults, seed).plugs();
        (0..100)
            .map(|_| {
                near.inject(NOW, &[1]);
                far.take(NOW).is_none()
            })
            .collect::<Vec<bool>>()
    };
    assert_eq!(lost(1), lost(1));
    assert_ne!(lost(1), lost(2));
}

#[test]
fn what_cannot_happen_does_not_change_what_the_seed_means() {
    let lost = |early: usize| {
        let cable = Cable::ethernet().with_faults(Faults::default(), 1);
        let (mut near, mut far) = cable.plugs();
        let mut is_lost = |_| {
            near.inject(NOW, &[1]);
            far.take(NOW).is_none()
        };
        assert!(!(0..early).any(&mut is_lost));
        cable.set_faults(Faults { loss: 0.5, ..Faults::default() });
        (0..100).map(is_lost).collect::<Vec<bool>>()
    };
    assert_eq!(lost(0), lost(7));
}

#[test]
fn a_frame_arrives_after_the_delay() {
    let (cable, mut near, mut far) =
        with(Faults { delay: Duration::from_millis(20), ..Faults::default() });
    near.inject(NOW, &[1]);
    far.inject(NOW + Duration::from_millis(1), &[2]);
    assert_eq!(cable.next_arrival(), Some(Instant::from_millis(25)));

    assert_eq!(far.take(Instant::from_millis(24)), None);
    assert_eq!(far.take(Instant::from_millis(25)), Some(vec![1]));
    assert_eq!(cable.next_arrival(), Some(Instant::from_millis(26)));
    assert_eq!(near.take(Instant::from_millis(26)), Some(vec![2]));
    assert_eq!(cable.next_arrival(), None);
}

#[test]
fn a_frame_that_overtakes_does_not_wait_for_the_one_it_has_overtaken() {
    let (cable, mut near, mut far) =
        with(Faults { delay: Duration::from_millis(20), ..Faults::default() });
    near.inject(NOW, &[1]);
    cable.set_faults(Faults {
        delay: Duration::from_millis(60),
        reordering: 1.0,
        ..Faults::default()
    });
    near.inject(NOW, &[2]);
    assert_eq!(taken(&mut far, Instant::from_millis(25)), [[2], [1]]);
}

#[test]
fn a_cable_that_is_cut_loses_all_until_it_is_mended() {
    let (cable, mut near, mut far) = with(Faults::default());
    cable.cut();
    near.inject(NOW, &[1]);
    cable.mend();
    near.inject(NOW, &[2]);
    assert_eq!(taken(&mut far, NOW), [[2]]);
}

#[test]
fn a_device_has_room_for_so_many_frames_each_way() {
    let cable = Cable::ethernet().with_capacity(2);
    let (mut near, mut far) = cable.plugs();
    near.inject(NOW, &[1]);
    assert!(near.transmit(NOW).is_some());
    near.inject(NOW, &[2]);
    assert!(near.transmit(NOW).is_none());
    // It could not be answered.
    far.inject(NOW, &[3]);
    assert!(near.receive(NOW).is_none());

    assert!(far.transmit(NOW).is_some(), "the other way is free");
    assert_eq!(far.take(NOW), Some(vec![1]));
    assert!(near.receive(NOW).is_some());
}

#[test]
fn a_cable_says_how_large_a_frame_may_be() {
    let mtu = |cable: Cable| cable.plugs().0.capabilities().max_transmission_unit;
    assert_eq!(mtu(Cable::ethernet()), 1_514);
    assert_eq!(mtu(Cable::ip()), 1_500);
    assert_eq!(mtu(Cable::ethernet().with_mtu(600)), 600);
}
