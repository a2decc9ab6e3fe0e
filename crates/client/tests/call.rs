use jasmin_client::{
    Command, EndReason, FrameRequest, LogResult, PhaseView, PictureMode, PromptAnswer, Stream,
    View, paint::VideoFrame,
};
use jasmin_protocol::CallKind;

use crate::people::{Person, World};

fn phase(view: &View) -> Option<&PhaseView> {
    view.call.as_ref().map(|call| &call.phase)
}

fn is_active(view: &View) -> bool {
    matches!(phase(view), Some(PhaseView::Active { .. }))
}

fn is_incoming(view: &View) -> bool {
    matches!(phase(view), Some(PhaseView::Incoming { .. }))
}

fn ended(view: &View) -> Option<EndReason> {
    match phase(view) {
        Some(PhaseView::Ended { reason, .. }) => Some(*reason),
        _ => None,
    }
}

async fn two(world: &World) -> (Person, Person) {
    two_answering(world, PromptAnswer::Allow).await
}

/// Two who know each other, and say this to every question.
pub(crate) async fn two_answering(world: &World, answer: PromptAnswer) -> (Person, Person) {
    let (ana, ben) = tokio::join!(world.person("ana"), world.person("ben"));
    ana.befriend(&ben).await;
    ana.answers(answer);
    ben.answers(answer);
    (ana, ben)
}

/// One calls the other with picture, until both are in the call.
pub(crate) async fn talk(one: &Person, other: &Person) {
    let kind = CallKind::Video;
    let user_id = one.id_of(other);
    one.wants(Command::Call { user_id, kind }).await;
    let prepares = |view: &View| matches!(phase(view), Some(PhaseView::Preparing { .. }));
    one.until(prepares).await;
    one.wants(Command::CallNow).await;
    other.until(is_incoming).await;
    other.wants(Command::Accept { kind }).await;
    tokio::join!(one.until(is_active), other.until(is_active));
}

/// Waits until the call goes on and the other side's devices are so, by their own word.
pub(crate) async fn sees_devices(person: &Person, microphone: bool, camera: bool) {
    let is = |view: &View| {
        let call = view.call.as_ref();
        let remote = call.map(|call| (call.remote.microphone, call.remote.camera));
        is_active(view) && remote == Some((microphone, camera))
    };
    person.until(is).await;
}

/// Pulls as a page would, until a picture comes.
async fn sees(person: &Person) -> (u16, u16) {
    let request = FrameRequest {
        stream: Stream::Remote,
        mode: PictureMode::Vp8,
        need_key: false,
        width: 640,
        height: 360,
    };
    for _ in 0..20 {
        let body = person.app.frames(request).await;
        if body.len() > 24 {
            let side = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
            return (side(6), side(8));
        }
    }
    panic!("{} sees nothing", person.email);
}

/// Takes so many pictures as the window would, that paints them itself.
async fn paints(person: &Person, stream: Stream, pictures: usize) -> Vec<(u32, u32)> {
    let (painted, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let app = person.app.clone();
    let painter = tokio::spawn(async move {
        let show = move |frame: Option<VideoFrame>| {
            let size = frame.map(|frame| (frame.picture.width, frame.picture.height));
            let _nobody_looks = painted.send(size);
        };
        app.paint(stream, show).await;
    });
    let mut sizes = Vec::new();
    while sizes.len() < pictures {
        sizes.extend(seen.recv().await.expect("pictures come"));
    }
    // While somebody paints the other side, the page gets it raw, at the size it asks for.
    if stream == Stream::Remote {
        let request = FrameRequest {
            stream,
            mode: PictureMode::Rgba,
            need_key: false,
            width: 160,
            height: 90,
        };
        let body = person.app.frames(request).await;
        assert_eq!(body[4], 1, "a raw picture");
        assert!(u16::from_le_bytes([body[6], body[7]]) <= 160);
    }
    painter.abort();
    sizes
}

/// There is a beep a second; figures that change every second bring new views.
async fn hears_a_beep(person: &Person) {
    let is_loud = |_: &View| person.heard.take().iter().any(|sample| sample.abs() > 0.05);
    person.until(is_loud).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_call_see_hear_and_hang_up() {
    let world = World::start().await;
    let (ana, ben) = two(&world).await;
    ana.wants(Command::Call {
        user_id: ana.id_of(&ben),
        kind: CallKind::Video,
    })
    .await;
    ana.until(|view| matches!(phase(view), Some(PhaseView::Preparing { .. })))
        .await;
    ana.wants(Command::CallNow).await;
    ben.until(is_incoming).await;
    ana.until(|view| matches!(phase(view), Some(PhaseView::Ringing)))
        .await;
    ben.wants(Command::Accept {
        kind: CallKind::Video,
    })
    .await;
    tokio::join!(ana.until(is_active), ben.until(is_active));

    let (at_ana, at_ben) = tokio::join!(sees(&ana), sees(&ben));
    assert!(
        at_ana.0 > 0 && at_ben.0 > 0,
        "pictures have a size: {at_ana:?} {at_ben:?}"
    );

    for stream in [Stream::Remote, Stream::Own] {
        let sizes = paints(&ben, stream, 5).await;
        assert!(sizes.iter().all(|size| size.0 > 0 && size.1 > 0));
    }
    // Nobody paints any more: the page pulls what it decodes itself.
    sees(&ben).await;

    let has_words = |view: &View| {
        view.call
            .as_ref()
            .is_some_and(|call| call.safety_words.len() == 4)
    };
    let (hers, his) = tokio::join!(ana.until(has_words), ben.until(has_words));
    let words = |view: &View| view.call.as_ref().unwrap().safety_words.clone();
    assert_eq!(words(&hers), words(&his), "the safety words are equal");

    let remote_is = |microphone: bool, camera: bool| {
        move |view: &View| {
            view.call.as_ref().is_some_and(|call| {
                call.remote.microphone == microphone && call.remote.camera == camera
            })
        }
    };
    ben.until(remote_is(true, true)).await;
    tokio::join!(hears_a_beep(&ana), hears_a_beep(&ben));
    ana.wants(Command::SetMicrophone { on: false }).await;
    ben.until(remote_is(false, true)).await;
    ana.wants(Command::SetCamera { on: false }).await;
    ben.until(remote_is(false, false)).await;
    ana.wants(Command::SetMicrophone { on: true }).await;
    ben.until(remote_is(true, false)).await;

    ana.wants(Command::HangUp).await;
    let (hers, his) = tokio::join!(
        ana.until(|view| ended(view).is_some()),
        ben.until(|view| ended(view).is_some())
    );
    assert_eq!(
        (ended(&hers), ended(&his)),
        (Some(EndReason::HungUp), Some(EndReason::HungUp))
    );
    for person in [&ana, &ben] {
        let view = person.until(|view| view.log.len() == 1).await;
        assert_eq!(view.log[0].result, LogResult::Answered);
        assert!(
            !view.sending.camera && !view.sending.microphone,
            "everything is closed"
        );
    }
    tokio::join!(ana.app.quit(), ben.app.quit());
}

#[tokio::test(flavor = "multi_thread")]
async fn declined_cancelled_and_missed_calls_are_in_both_logs_once() {
    let world = World::start().await;
    let (ana, ben) = two(&world).await;
    let call = || Command::Call {
        user_id: ana.id_of(&ben),
        kind: CallKind::Audio,
    };
    let results = |view: &View| {
        view.log
            .iter()
            .map(|entry| entry.result)
            .collect::<Vec<_>>()
    };

    ana.wants(call()).await;
    ana.until(|view| matches!(phase(view), Some(PhaseView::Preparing { .. })))
        .await;
    ana.wants(Command::CallNow).await;
    ben.until(is_incoming).await;
    ben.wants(Command::Decline).await;
    ana.until(|view| ended(view) == Some(EndReason::Declined))
        .await;
    for person in [&ana, &ben] {
        person
            .until(|view| results(view) == [LogResult::Declined])
            .await;
    }

    ana.wants(call()).await;
    ana.until(|view| matches!(phase(view), Some(PhaseView::Preparing { .. })))
        .await;
    ana.wants(Command::CallNow).await;
    ben.until(is_incoming).await;
    ana.wants(Command::HangUp).await;
    for person in [&ana, &ben] {
        person
            .until(|view| ended(view) == Some(EndReason::Cancelled))
            .await;
        person
            .until(|view| results(view) == [LogResult::Cancelled, LogResult::Declined])
            .await;
    }

    ana.wants(call()).await;
    ana.until(|view| matches!(phase(view), Some(PhaseView::Preparing { .. })))
        .await;
    ana.wants(Command::CallNow).await;
    ben.until(is_incoming).await;
    ana.until(|view| ended(view) == Some(EndReason::NoAnswer))
        .await;
    for person in [&ana, &ben] {
        person
            .until(|view| {
                results(view) == [LogResult::Missed, LogResult::Cancelled, LogResult::Declined]
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undone_call_rings_nobody() {
    let world = World::start().await;
    let (ana, ben) = two(&world).await;
    ana.wants(Command::Call {
        user_id: ana.id_of(&ben),
        kind: CallKind::Audio,
    })
    .await;
    ana.until(|view| matches!(phase(view), Some(PhaseView::Preparing { .. })))
        .await;
    ana.wants(Command::HangUp).await;
    ana.until(|view| ended(view) == Some(EndReason::Cancelled))
        .await;
    assert!(ben.app.views().borrow().call.is_none());
    assert!(ana.app.views().borrow().log.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_consent_the_call_goes_on_without_that_device() {
    let world = World::start().await;
    let (ana, ben) = tokio::join!(world.person("ana"), world.person("ben"));
    ana.befriend(&ben).await;
    ana.answers(PromptAnswer::Deny);
    ben.answers(PromptAnswer::Once);
    ana.wants(Command::Call {
        user_id: ana.id_of(&ben),
        kind: CallKind::Video,
    })
    .await;
    ana.until(|view| matches!(phase(view), Some(PhaseView::Preparing { .. })))
        .await;
    ana.wants(Command::CallNow).await;
    ben.until(is_incoming).await;
    ben.wants(Command::Accept {
        kind: CallKind::Video,
    })
    .await;
    tokio::join!(ana.until(is_active), ben.until(is_active));
    ana.until(|view| view.call.as_ref().is_some_and(|call| call.remote.camera))
        .await;
    let view = ana.app.views().borrow().clone();
    assert!(
        !view.sending.camera && !view.sending.microphone,
        "ana's devices stay closed"
    );
    let remote = ben.app.views().borrow().call.clone().unwrap().remote;
    assert!(!remote.camera && !remote.microphone);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_taken_back_in_a_call_closes_both_devices_and_the_call_goes_on() {
    let world = World::start().await;
    let (ana, ben) = two(&world).await;
    talk(&ana, &ben).await;
    sees_devices(&ben, true, true).await;
    let gesture = jasmin_protocol::Gesture::Key;
    ana.wants(Command::WithdrawAll { gesture }).await;
    let is_closed = |view: &View| view.consents.iter().all(|consent| !consent.in_use);
    let view = ana.until(is_closed).await;
    let withdrawn = jasmin_client::ConsentState::Withdrawn;
    assert!(
        view.consents
            .iter()
            .all(|consent| consent.state == withdrawn)
    );
    sees_devices(&ben, false, false).await;
    sees_devices(&ana, true, true).await;
    sees(&ana).await;
}
