//! The rules of the book, and the operator's commands.

use super::*;

#[test]
fn nothing_can_be_shared_with_a_partner_that_has_not_signed() {
    let mut book = Book::default();
    let propose = |record| What::Proposed { record };
    book.add("acme", propose(record("acme", "https://acme.example")), NOW)
        .unwrap();
    assert!(!book.partners["acme"].is_open(NOW));
    assert!(matches!(
        book.add("acme", What::Activated, NOW),
        Err(PartnerError::NotNow(_))
    ));
    book.add("acme", signed("2027-01-01"), NOW).unwrap();
    assert!(!book.partners["acme"].is_open(NOW), "signed, not active");
    book.add("acme", What::Activated, NOW).unwrap();
    assert!(book.partners["acme"].is_open(NOW));
    assert_eq!(
        book.add("other", What::Activated, NOW),
        Err(PartnerError::NoPartner)
    );
    let again = book.add("acme", propose(record("acme", "https://acme.example")), NOW);
    assert!(
        matches!(again, Err(PartnerError::NotNow(_))),
        "what it wants never changes"
    );
    let end = What::Ended {
        why: "over".to_owned(),
    };
    book.add("acme", end, NOW).unwrap();
    assert!(matches!(
        book.add("acme", What::Activated, NOW),
        Err(PartnerError::NotNow(_))
    ));
}

#[test]
fn a_record_says_who_what_for_and_where() {
    let refused = |change: &dyn Fn(&mut Record)| {
        let mut record = record("acme", "https://acme.example");
        change(&mut record);
        let id = record.id.clone();
        match Book::default().add(&id, What::Proposed { record }, NOW) {
            Err(PartnerError::Wrong(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    for (change, fault) in [
        (
            &(|record: &mut Record| record.id = "Acme Ltd".into()) as &dyn Fn(&mut Record),
            "id",
        ),
        (&|record| record.legal_entity = " ".into(), "legal_entity"),
        (&|record| record.purpose = "a\nb".into(), "purpose"),
        (&|record| record.fields.clear(), "fields"),
        (&|record| record.fields.push(ShareField::Name), "fields"),
        (
            &|record| record.give_url = "http://acme.example/give".into(),
            "give_url",
        ),
        (
            &|record| record.delete_url = "http://10.0.0.1/".into(),
            "delete_url",
        ),
        (
            &|record| record.delete_url = "https://me:pass@acme.example/".into(),
            "delete_url",
        ),
        (
            &|record| record.give_url = "file:///etc/passwd".into(),
            "give_url",
        ),
        (&|record| record.give_url = "https:".into(), "give_url"),
    ] {
        assert!(
            refused(change).contains(fault),
            "{fault}: {}",
            refused(change)
        );
    }
}

#[test]
fn an_undertaking_has_days_that_make_sense() {
    let mut book = Book::default();
    let proposed = What::Proposed {
        record: record("acme", "https://acme.example"),
    };
    book.add("acme", proposed, NOW).unwrap();
    let mut sign = |signed_on: &str, review_by: &str| {
        let undertaking = Undertaking {
            hash: Base64(vec![7; 32]),
            signed_on: signed_on.to_owned(),
            review_by: review_by.to_owned(),
        };
        book.add("acme", What::UndertakingSigned { undertaking }, NOW)
            .map(drop)
    };
    for (signed_on, review_by) in [
        ("2026-11-23", "2027-01-01"),
        ("2026-02-30", "2027-01-01"),
        ("2026-11-01", "2026-11-21"),
        ("2026-11-01", "2030-11-01"),
        ("2026-11-01", "soon"),
    ] {
        assert!(
            matches!(sign(signed_on, review_by), Err(PartnerError::Wrong(_))),
            "{signed_on} {review_by}"
        );
    }
    sign("2026-11-22", "2026-11-22").unwrap();
}

#[test]
fn any_change_to_the_book_is_found() {
    let mut book = Book::default();
    let events: Vec<Event> = [
        What::Proposed {
            record: record("acme", "https://acme.example"),
        },
        signed("2027-01-01"),
        What::Activated,
        What::Suspended {
            why: "a leak".to_owned(),
        },
    ]
    .map(|what| book.add("acme", what, NOW).unwrap())
    .into();
    assert!(Book::read(events.clone()).is_ok());
    let mut other = events.clone();
    other[0].at = "2020-01-01T00:00:00.000Z".to_owned();
    assert_eq!(Book::read(other).unwrap_err(), PartnerError::Damaged(2));
    let mut other = events.clone();
    other.swap(1, 2);
    assert_eq!(Book::read(other).unwrap_err(), PartnerError::Damaged(2));
    let mut other = events;
    other.remove(1);
    assert_eq!(Book::read(other).unwrap_err(), PartnerError::Damaged(2));
}

#[tokio::test]
async fn the_operator_writes_a_partner_down_and_reads_the_list() {
    let world = World::new().await;
    let folder = tempfile::tempdir().unwrap();
    let record_file = folder.path().join("acme.json");
    let document = folder.path().join("undertaking.pdf");
    std::fs::write(
        &record_file,
        serde_json::to_vec(&record("acme", "https://acme.example")).unwrap(),
    )
    .unwrap();
    std::fs::write(&document, b"signed").unwrap();
    let partner = "acme".to_owned();
    let mut said = String::new();
    for order in [
        desk::PartnerOrder::Propose {
            record: record_file,
        },
        desk::PartnerOrder::Sign {
            partner: partner.clone(),
            document,
            signed_on: "2026-11-01".to_owned(),
            review_by: "2027-11-01".to_owned(),
        },
        desk::PartnerOrder::Activate { partner },
        desk::PartnerOrder::List,
    ] {
        said = desk::carry_out(&world.app.store, NOW, &order)
            .await
            .unwrap();
    }
    assert_eq!(
        said,
        "acme: Acme Calendars (Acme GmbH, Austria) wants name, email: active\n    signed 2026-11-01, counts until 2027-11-01\n"
    );
    let shown: Partners = world.get("/v1/partners").await.ok();
    let hash = shown.partners[0].undertaking.as_ref().unwrap().hash.clone();
    assert_eq!(hash.0, Sha256::digest(b"signed").to_vec());
}
