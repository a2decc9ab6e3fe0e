use super::*;

const MS: fn(u64) -> Duration = Duration::from_millis;

fn key() -> Vec<u8> {
    let mut data = vec![0x10, 0, 0, 0x9d, 0x01, 0x2a];
    data.extend(1280u16.to_le_bytes());
    data.extend(720u16.to_le_bytes());
    data
}

fn delta() -> Vec<u8> {
    vec![0x11, 0, 0]
}

fn frame(number: u64, data: Vec<u8>) -> ArrivedFrame {
    ArrivedFrame {
        data,
        contiguous: true,
        media_time: MS(number * 33),
        sender_time: Some(Duration::from_secs(4_000_000_000) + MS(number * 33)),
    }
}

fn key_or_delta(number: u64) -> Vec<u8> {
    if number == 0 { key() } else { delta() }
}

fn sequences(pictures: &[Picture]) -> Vec<u32> {
    pictures.iter().map(|picture| picture.sequence).collect()
}

/// A seeded generator, so that a failing run can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }
}

#[test]
fn pictures_are_due_as_they_arrive() {
    let (mut queue, now) = (PictureQueue::new(), Instant::now());
    queue.push(frame(0, key()), now);
    queue.push(frame(1, delta()), now);
    assert_eq!(queue.next_due(), Some(now));
    let pictures = queue.pull(now);
    assert_eq!(sequences(&pictures), [0, 1]);
    assert!(pictures[0].keyframe && !pictures[1].keyframe);
    assert_eq!(
        (pictures[1].width, pictures[1].height, pictures[1].time_us),
        (1280, 720, 33_000)
    );
    assert!(queue.pull(now).is_empty());
}

#[test]
fn nothing_is_shown_before_the_first_keyframe() {
    let (mut queue, now) = (PictureQueue::new(), Instant::now());
    assert!(queue.pull(now).is_empty());
    assert!(!queue.poll_keyframe_request(now), "nothing arrives yet");
    queue.push(frame(0, delta()), now);
    assert!(queue.pull(now).is_empty());
    assert!(queue.poll_keyframe_request(now));
    assert!(!queue.poll_keyframe_request(now + MS(900)), "asked already");
    queue.pull(now + MS(1000));
    assert!(
        queue.poll_keyframe_request(now + MS(1000)),
        "the request may be lost"
    );
    queue.push(frame(1, key()), now + MS(1100));
    assert_eq!(queue.pull(now + MS(1100)).len(), 1);
    assert!(!queue.poll_keyframe_request(now + MS(3000)));
}

#[test]
fn a_gap_stops_the_picture_until_the_next_keyframe() {
    let (mut queue, now) = (PictureQueue::new(), Instant::now());
    queue.push(frame(0, key()), now);
    queue.push(
        ArrivedFrame {
            contiguous: false,
            ..frame(2, delta())
        },
        now,
    );
    queue.push(frame(3, delta()), now);
    assert_eq!(sequences(&queue.pull(now)), [0]);
    assert!(queue.poll_keyframe_request(now));
    queue.push(
        ArrivedFrame {
            contiguous: false,
            ..frame(9, key())
        },
        now,
    );
    queue.push(frame(10, delta()), now);
    assert_eq!(sequences(&queue.pull(now)), [3, 4]);
}

#[test]
fn bytes_that_are_no_frame_count_as_a_gap() {
    let (mut queue, now) = (PictureQueue::new(), Instant::now());
    queue.push(frame(0, key()), now);
    queue.push(frame(1, vec![]), now);
    queue.push(frame(2, delta()), now);
    assert_eq!(sequences(&queue.pull(now)), [0]);
    assert!(queue.poll_keyframe_request(now));
    assert_eq!(queue.stats(now).dropped, 2);
}

#[test]
fn late_and_repeated_frames_are_left_out() {
    let (mut queue, now) = (PictureQueue::new(), Instant::now());
    for number in [0, 2, 1, 2, 3] {
        queue.push(frame(number, key_or_delta(number)), now);
    }
    assert_eq!(sequences(&queue.pull(now)), [0, 1, 4]);
}

#[test]
fn a_stream_whose_clock_starts_over_goes_on() {
    let (mut queue, now) = (PictureQueue::new(), Instant::now());
    queue.push(frame(1000, key()), now);
    queue.push(frame(1001, delta()), now);
    queue.push(frame(0, key()), now);
    queue.push(frame(1, delta()), now);
    let times: Vec<_> = queue
        .pull(now)
        .iter()
        .map(|picture| picture.time_us)
        .collect();
    assert_eq!(times, [0, 33_000, 66_000, 99_000]);
}

#[test]
fn a_page_that_does_not_look_costs_no_memory_and_gets_a_fresh_picture() {
    let (mut queue, start) = (PictureQueue::new(), Instant::now());
    let mut now = start;
    queue.push(frame(0, key()), now);
    assert_eq!(queue.pull(now).len(), 1);
    for number in 1..300 {
        now += MS(33);
        queue.push(frame(number, delta()), now);
        assert!(queue.waiting.len() <= MOST_FRAMES);
        if now > start + LOOKING {
            assert!(!queue.poll_keyframe_request(now), "nobody looks");
        }
    }
    assert!(queue.pull(now).is_empty(), "old pictures are not shown");
    assert!(queue.poll_keyframe_request(now));
    now += MS(60);
    queue.push(frame(302, key()), now);
    assert_eq!(queue.pull(now).len(), 1);
    let stats = queue.stats(now);
    assert_eq!((stats.overflows, stats.freezes), (1, 0));
}

#[test]
fn a_keyframe_into_a_full_queue_starts_afresh_without_a_request() {
    let (mut queue, now) = (PictureQueue::new(), Instant::now());
    for number in 0..15 {
        queue.push(frame(number, key_or_delta(number)), now);
    }
    queue.push(frame(15, key()), now);
    assert_eq!(sequences(&queue.pull(now)), [15]);
    assert!(!queue.poll_keyframe_request(now));
}

#[test]
fn a_failed_decoder_gets_a_keyframe() {
    let (mut queue, now) = (PictureQueue::new(), Instant::now());
    queue.push(frame(0, key()), now);
    queue.pull(now);
    queue.push(frame(1, delta()), now);
    queue.restart();
    queue.push(frame(2, delta()), now);
    assert!(queue.pull(now).is_empty());
    assert!(queue.poll_keyframe_request(now));
}

#[test]
fn a_decoder_that_begins_takes_the_keyframe_that_waits() {
    let (mut queue, now) = (PictureQueue::new(), Instant::now());
    queue.push(frame(0, delta()), now);
    queue.push(frame(1, key()), now);
    queue.push(frame(2, delta()), now);
    queue.restart();
    assert!(!queue.poll_keyframe_request(now), "there is one");
    let pulled = queue.pull(now);
    assert_eq!(pulled.len(), 2);
    assert!(pulled[0].keyframe);
}

#[test]
fn pictures_wait_for_sound_that_lags_far_behind() {
    let (mut queue, now) = (PictureQueue::new(), Instant::now());
    let heard = |lag: u64| {
        Some(AudioAnchor {
            sender_time: Duration::from_secs(4_000_000_000),
            heard_at: now + MS(lag),
        })
    };
    queue.set_audio_offset(heard(70));
    queue.push(frame(0, key()), now);
    assert_eq!(queue.audio_lag_ms(), Some(70));
    assert_eq!(queue.next_due(), Some(now), "a small lag goes unnoticed");
    queue.set_audio_offset(heard(200));
    assert_eq!(queue.next_due(), Some(now + MS(120)));
    assert!(queue.pull(now + MS(119)).is_empty());
    assert_eq!(queue.pull(now + MS(120)).len(), 1);
    assert_eq!(queue.stats(now).held, MS(120));

    queue.set_audio_offset(heard(60_000));
    queue.push(frame(1, delta()), now + MS(130));
    assert_eq!(
        queue.next_due(),
        Some(now + MS(530)),
        "nonsense from the clocks is bounded"
    );
    queue.set_audio_offset(None);
    assert_eq!(queue.next_due(), Some(now + MS(130)));
}

#[test]
fn early_sound_does_not_hold_the_picture() {
    let (mut queue, now) = (PictureQueue::new(), Instant::now());
    queue.set_audio_offset(Some(AudioAnchor {
        sender_time: Duration::from_secs(4_000_000_001),
        heard_at: now,
    }));
    queue.push(frame(0, key()), now);
    assert_eq!(queue.audio_lag_ms(), Some(-1000));
    assert_eq!(queue.next_due(), Some(now));
}

/// A minute over a bad network: delays that swing, frames that are lost and asked for again.
#[test]
fn jitter_and_loss_in_virtual_time() {
    for seed in 1..20 {
        let mut dice = Dice(seed);
        let (mut queue, start) = (PictureQueue::new(), Instant::now());
        let (mut shown, mut last, mut asked) = (0, None, None);
        let mut arrivals = VecDeque::new();
        let mut contiguous = true;
        let mut in_order = start;
        for number in 0..1800 {
            let sent = start + MS(number * 33);
            let key_wanted = asked.is_some_and(|at| at + MS(60) <= sent);
            if dice.roll(100) == 0 {
                contiguous = false;
                continue;
            }
            if key_wanted {
                asked = None;
            }
            let data = if number == 0 || key_wanted {
                key()
            } else {
                delta()
            };
            // The network keeps frames in order, as the receiver in front of the queue does.
            in_order = in_order.max(sent + MS(40 + dice.roll(60)));
            arrivals.push_back((
                in_order,
                ArrivedFrame {
                    contiguous,
                    ..frame(number, data)
                },
            ));
            contiguous = true;
            let now = sent;
            while arrivals.front().is_some_and(|(at, _)| *at <= now) {
                let Some((at, frame)) = arrivals.pop_front() else {
                    break;
                };
                queue.push(frame, at);
            }
            for picture in queue.pull(now) {
                assert!(
                    last.is_none_or(|last| picture.sequence > last),
                    "out of order"
                );
                let gap = last.is_some_and(|last: u32| picture.sequence != last + 1);
                assert!(picture.keyframe || !gap, "a delta frame after a gap");
                last = Some(picture.sequence);
                shown += 1;
            }
            if queue.poll_keyframe_request(now) {
                asked = Some(now);
            }
        }
        let stats = queue.stats(start + MS(1800 * 33));
        assert_eq!(stats.delivered, shown);
        assert!(
            shown > 1550,
            "seed {seed}: {shown} of 1800 shown, {stats:?}"
        );
        assert!(stats.fps > 20.0, "seed {seed}: {stats:?}");
        assert!(stats.freezes < 30, "seed {seed}: {stats:?}");
        assert_eq!(stats.overflows, 0, "seed {seed}");
    }
}
