//! The policies as web pages, for anybody and for ever: no script, no cookie, nothing from elsewhere.

use std::{fmt::Write, sync::LazyLock};

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderName, HeaderValue, header},
    response::Html,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use jasmin_consent::{
    moment,
    policy::{
        self, diff,
        text::{self, Block, Change, Document, Shape, Span},
    },
};
use jasmin_protocol::{
    ChangeKind, DisclosureCommitment, DisclosureGround, Partner, PartnerStatus, PolicyKind,
    PolicySet, PolicyText, ShareField,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::policies::published;
use crate::{
    app::{App, Shared},
    data_map::{Column, DATA_MAP, Origin},
    extract::Throttled,
    problem::Failure,
};

const STYLE: &str = include_str!("legal.css");
const KINDS: [PolicyKind; 2] = [PolicyKind::PrivacyPolicy, PolicyKind::UserAgreement];

pub(super) type Page = ([(HeaderName, HeaderValue); 1], Html<String>);

/// The archive: every set, newest first.
pub(crate) async fn archive(_: Throttled, State(app): State<Shared>) -> Result<Page, Failure> {
    let now_ms = app.now_ms();
    let sets = published(&mut app.store.read().await?).await?;
    let mut body = String::new();
    if sets.is_empty() {
        body.push_str("<p class=card>This server has published no policies.</p>");
    }
    let in_force = policy::in_force(&sets, now_ms).map(|set| set.version.clone());
    for set in sets.iter().rev() {
        let state = state(set, in_force.as_deref(), now_ms);
        let _ = write!(
            body,
            "<section class=card><h2><a href=\"/legal/{0}\">Version {0}</a></h2><p>{state}</p>",
            set.version
        );
        changes(&mut body, set);
        body.push_str("</section>");
    }
    let banner = banner(&sets, now_ms, None);
    Ok(page("Policies", &banner, &body))
}

/// One set: both documents side by side, and what changed.
pub(crate) async fn set(
    _: Throttled,
    State(app): State<Shared>,
    version: Result<Path<String>, PathRejection>,
) -> Result<Page, Failure> {
    let Path(version) = version.map_err(|_| Failure::not_found())?;
    let mut conn = app.store.read().await?;
    let sets = published(&mut conn).await?;
    let at = sets.iter().position(|set| set.version == version);
    let at = at.ok_or_else(Failure::not_found)?;
    let set = &sets[at];
    let missing = || Failure::internal("a published set has no texts");
    let texts = conn.policy_texts(&version).await?.ok_or_else(missing)?;
    let before = match &set.previous {
        Some(previous) => conn.policy_texts(previous).await?.ok_or_else(missing)?,
        None => Vec::new(),
    };
    drop(conn);
    let now_ms = app.now_ms();
    let in_force = policy::in_force(&sets, now_ms).map(|set| set.version.clone());
    let mut body = format!("<p>{}</p>", state(set, in_force.as_deref(), now_ms));
    if !set.changes.is_empty() {
        let is_coming = policy::effective_ms(set).is_some_and(|from| from > now_ms);
        let title = if is_coming {
            "What changes"
        } else {
            "What changed"
        };
        let _ = write!(body, "<section class=card><h2>{title}</h2>");
        changes(&mut body, set);
        for kind in KINDS {
            if let (Some(old), Some(new)) = (document(&before, kind), document(&texts, kind)) {
                differences(&mut body, &old, &new);
            }
        }
        body.push_str("</section>");
    }
    body.push_str("<div class=pair>");
    for kind in KINDS {
        let Some(document) = document(&texts, kind) else {
            return Err(Failure::internal("a published text cannot be read"));
        };
        let _ = write!(
            body,
            "<article class=card id=\"{}\"><h2>{}</h2>",
            anchor(kind),
            escape(&document.title)
        );
        blocks(&mut body, &document.opening);
        for section in &document.sections {
            let _ = write!(
                body,
                "<h3 id=\"{}-{}\">{}</h3>",
                anchor(kind),
                escape(&section.name),
                escape(&section.heading)
            );
            blocks(&mut body, &section.blocks);
        }
        body.push_str("</article>");
    }
    body.push_str("</div>");
    let banner = banner(&sets, now_ms, Some(&version));
    Ok(page(&format!("Policies {version}"), &banner, &body))
}

/// The archive for watchers: JSON Feed 1.1.
pub(crate) async fn feed(_: Throttled, State(app): State<Shared>) -> Result<Json<Value>, Failure> {
    let sets = published(&mut app.store.read().await?).await?;
    let items: Vec<Value> = sets
        .iter()
        .rev()
        .map(|set| {
            let mut text = format!("In force from {}.", set.effective);
            for change in &set.changes {
                let _ = write!(text, "\n{}: {}", kind_word(change.kind), change.summary);
            }
            json!({
                "id": format!("jasmin-policies-{}", set.version),
                "url": format!("/legal/{}", set.version),
                "title": format!("Policies {}", set.version),
                "date_published": set.announced,
                "content_text": text,
            })
        })
        .collect();
    Ok(Json(json!({
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Policies of this Jasmin Chat server",
        "home_page_url": "/legal",
        "feed_url": "/legal/feed.json",
        "items": items,
    })))
}

/// What was given under the law, in numbers, and what could be given at all.
pub(crate) async fn transparency(_: Throttled, State(app): State<Shared>) -> Result<Page, Failure> {
    let commitments = app.commitments().await?;
    let sets = published(&mut app.store.read().await?).await?;
    let count = commitments.len();
    let noun = if count == 1 {
        "disclosure"
    } else {
        "disclosures"
    };
    let mut body = format!(
        "<section class=card><h2>Given under the law</h2><p>{count} {noun} so far. Each needed two people's \
         approval. The person is told at once, or after 90 days at the latest; only an order can bar that, and \
         then they are told when the bar ends.</p>"
    );
    if count > 0 {
        body.push_str("<ul>");
        for DisclosureCommitment { day, ground, hash } in &commitments {
            let _ = write!(
                body,
                "<li>{day}: {}. <code>{}</code></li>",
                ground_words(*ground),
                STANDARD.encode(&hash.0)
            );
        }
        body.push_str("</ul><p>The codes commit this server to what its register says.</p>");
    }
    body.push_str("</section>");
    body.push_str(&partners_section(&app.shown_partners().await?.partners));
    body.push_str(
        "<section class=card><h2>What could be given</h2><p>Calls are encrypted from end to end: \
         this server never has their content. What it stores and can read about a person is this:</p><ul>",
    );
    for table in DATA_MAP {
        let readable = |column: &&Column| {
            column.form.can_be_read() && matches!(column.origin, Origin::Given | Origin::Observed)
        };
        let mut columns = table.columns.iter().filter(readable).peekable();
        if columns.peek().is_none() {
            continue;
        }
        let words: Vec<&str> = columns.map(|column| column.what).collect();
        let _ = write!(
            body,
            "<li><strong>{}</strong> ({}): {}. Kept {}.</li>",
            escape(table.name),
            escape(table.purpose),
            escape(&words.join(", ")),
            escape(table.kept)
        );
    }
    body.push_str("</ul></section>");
    Ok(page(
        "Transparency",
        &banner(&sets, app.now_ms(), None),
        &body,
    ))
}

fn field_words(field: ShareField) -> &'static str {
    match field {
        ShareField::Name => "name",
        ShareField::Email => "e-mail address",
        ShareField::Birthday => "birthday",
    }
}

/// The banner of a page about no set in particular.
pub(super) async fn banner_of_all(app: &App) -> Result<String, Failure> {
    let sets = published(&mut app.store.read().await?).await?;
    Ok(banner(&sets, app.now_ms(), None))
}

/// Who the partners are: also where nobody shares anything.
fn partners_section(partners: &[Partner]) -> String {
    let mut body = "<section class=card><h2>Partners</h2>".to_owned();
    if partners.is_empty() {
        body.push_str("<p>There are none: nothing is shared with anybody.</p></section>");
        return body;
    }
    body.push_str(
        "<p>A partner gets what a person allows for this partner, field by field, and nothing else. It has \
         signed that it protects what it gets no less than this server does; when that runs out, nothing goes \
         to it any more and it is told to delete what it has.</p><ul>",
    );
    for partner in partners {
        let fields: Vec<&str> = partner
            .fields
            .iter()
            .map(|field| field_words(*field))
            .collect();
        let signed = match &partner.undertaking {
            Some(signed) => format!(
                "Signed on {}, counts until {}, document <code>{}</code>",
                escape(&signed.signed_on),
                escape(&signed.review_by),
                STANDARD.encode(&signed.hash.0)
            ),
            None => "Has signed nothing yet".to_owned(),
        };
        let state = match (partner.status, partner.open) {
            (_, true) => "People can share with it",
            (PartnerStatus::Ended, _) => "It has ended: nothing goes to it",
            (PartnerStatus::Suspended, _) => "It is suspended: nothing goes to it",
            _ => "Nothing goes to it",
        };
        let _ = write!(
            body,
            "<li><strong>{}</strong> ({}, {}): wants {} for: {}. Keeps it: {}. {signed}. {state}.</li>",
            escape(&partner.name),
            escape(&partner.legal_entity),
            escape(&partner.country),
            fields.join(", "),
            escape(&partner.purpose),
            escape(&partner.retention)
        );
    }
    body.push_str("</ul></section>");
    body
}

fn ground_words(ground: DisclosureGround) -> &'static str {
    match ground {
        DisclosureGround::Authorised => "the person authorised it",
        DisclosureGround::Law => "a law demanded it",
        DisclosureGround::Authority => "an authority demanded it",
        DisclosureGround::PublicInterest => "public interest",
        DisclosureGround::OperatorsRights => "the operator's rights",
        DisclosureGround::LegalProcess => "legal process",
    }
}

fn document(texts: &[PolicyText], kind: PolicyKind) -> Option<Document> {
    let first = |text: &&PolicyText| text.kind == kind && text.locale == policy::FIRST_LOCALE;
    texts
        .iter()
        .find(first)
        .and_then(|text| text::read(&text.text).ok())
}

fn anchor(kind: PolicyKind) -> &'static str {
    policy::draft::file_stem(kind)
}

fn day(moment_ms: Option<i64>) -> String {
    moment_ms.and_then(moment::day).unwrap_or_default()
}

fn state(set: &PolicySet, in_force: Option<&str>, now_ms: i64) -> String {
    let from = policy::effective_ms(set);
    let day = day(from);
    if in_force == Some(set.version.as_str()) {
        format!("In force since {day}.")
    } else if from.is_some_and(|from| from > now_ms) {
        format!("Comes into force on {day}.")
    } else {
        format!("Was in force from {day}; a newer version has replaced it.")
    }
}

/// Leads to the newest set, unless it is the one on the page or the one in force all along.
fn banner(sets: &[PolicySet], now_ms: i64, shown: Option<&str>) -> String {
    let Some(newest) = sets.last().filter(|set| set.previous.is_some()) else {
        return String::new();
    };
    if shown == Some(newest.version.as_str()) {
        return String::new();
    }
    let from = policy::effective_ms(newest);
    let verb = if from.is_some_and(|from| from > now_ms) {
        "change"
    } else {
        "changed"
    };
    format!(
        "<p class=banner>The policies {verb} on {}. <a href=\"/legal/{1}\">See what changes in version {1}</a></p>",
        day(from),
        newest.version
    )
}

fn kind_word(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Editorial => "Other words, same meaning",
        ChangeKind::Narrows => "Less than before",
        ChangeKind::Widens => "More than before",
    }
}

fn changes(body: &mut String, set: &PolicySet) {
    if set.changes.is_empty() {
        return;
    }
    body.push_str("<ul>");
    for change in &set.changes {
        let _ = write!(
            body,
            "<li><span class=kind>{}</span> {}",
            kind_word(change.kind),
            escape(&change.summary)
        );
        if change.kind == ChangeKind::Widens && !change.purposes.is_empty() {
            let _ = write!(
                body,
                " You are asked again for: {}.",
                escape(&change.purposes.join(", "))
            );
        }
        body.push_str("</li>");
    }
    body.push_str("</ul>");
}

fn differences(body: &mut String, old: &Document, new: &Document) {
    for section in diff::sections(old, new) {
        let whole = match section.change {
            None => "",
            Some(Change::Added) => " (new)",
            Some(Change::Removed) => " (gone)",
        };
        let _ = write!(
            body,
            "<h3>{}, {}{whole}</h3>",
            escape(&new.title),
            escape(&section.heading)
        );
        blocks(body, &section.blocks);
    }
}

fn blocks(body: &mut String, blocks: &[Block]) {
    let tag = |shape| match shape {
        Shape::Paragraph => None,
        Shape::Point => Some("ul"),
        Shape::Numbered => Some("ol"),
    };
    let mut list = None;
    for block in blocks {
        let wanted = tag(block.shape);
        if list != wanted {
            if let Some(list) = list {
                let _ = write!(body, "</{list}>");
            }
            if let Some(wanted) = wanted {
                let _ = write!(body, "<{wanted}>");
            }
            list = wanted;
        }
        let around = if wanted.is_some() { "li" } else { "p" };
        let _ = write!(body, "<{around}>");
        block.spans.iter().for_each(|span| write_span(body, span));
        let _ = write!(body, "</{around}>");
    }
    if let Some(list) = list {
        let _ = write!(body, "</{list}>");
    }
}

fn write_span(body: &mut String, span: &Span) {
    let words = escape(&span.text);
    let words = if span.strong {
        format!("<strong>{words}</strong>")
    } else {
        words
    };
    let words = match &span.href {
        None => words,
        Some(href) => match KINDS
            .into_iter()
            .find(|kind| href.starts_with(anchor(*kind)))
        {
            Some(kind) => format!("<a href=\"#{}\">{words}</a>", anchor(kind)),
            None => format!(
                "<a href=\"{}\" rel=\"noopener noreferrer nofollow\">{words}</a>",
                escape(href)
            ),
        },
    };
    let _ = match span.change {
        None => write!(body, "{words}"),
        Some(Change::Added) => write!(body, "<ins><span class=away>added: </span>{words}</ins>"),
        Some(Change::Removed) => {
            write!(body, "<del><span class=away>removed: </span>{words}</del>")
        }
    };
}

pub(super) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(c),
        }
    }
    safe
}

pub(super) fn page(title: &str, banner: &str, body: &str) -> Page {
    static CSP: LazyLock<String> = LazyLock::new(|| {
        let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
        format!(
            "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
    });
    let csp = HeaderValue::from_str(&CSP)
        .unwrap_or_else(|_| HeaderValue::from_static("default-src 'none'"));
    let html = format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width\"><title>{title} - Jasmin Chat</title>\
         <style>{STYLE}</style></head><body>{banner}<header><h1>{title}</h1>\
         <p>Jasmin Chat. <a href=\"/legal\">All versions</a>, also as a <a href=\"/legal/feed.json\">feed</a>. <a href=\"/legal/transparency\">Transparency</a>. <a href=\"/legal/statistics\">Statistics</a>.</p>\
         </header><main>{body}</main></body></html>"
    );
    ([(header::CONTENT_SECURITY_POLICY, csp)], Html(html))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{World, publish};

    #[tokio::test]
    async fn the_archive_shows_each_set_and_what_changed_in_it() {
        let world = World::new().await;
        assert!(world.get("/legal").await.text().contains("no policies"));
        publish(&world, "1.0.0", "2026-11-01", "little").await;
        publish(&world, "1.1.0", "2027-02-01", "<b>more</b> than").await;

        let archive = world.get("/legal").await;
        let csp = archive.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(
            csp.contains("style-src 'sha256-") && !csp.contains("script"),
            "{csp}"
        );
        let text = archive.text();
        for words in [
            "In force since 2026-11-01.",
            "Comes into force on 2027-02-01.",
            "The policies change on 2027-02-01.",
            "You are asked again for: camera.",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let new = world.get("/legal/1.1.0").await.text();
        assert!(
            new.contains("<del><span class=away>removed: </span>little"),
            "{new}"
        );
        assert!(
            new.contains("added: </span>&lt;b&gt;more&lt;/b&gt; than"),
            "{new}"
        );
        assert!(!new.contains("class=banner>"), "it is the newest itself");
        let old = world.get("/legal/1.0.0").await.text();
        assert!(old.contains("href=\"#user-agreement\""), "{old}");
        for other in ["/legal/9.9.9", "/legal/x", "/legal/%00"] {
            assert_eq!(world.get(other).await.status(), 404, "{other}");
        }

        let feed: Value = world.get("/legal/feed.json").await.ok();
        assert_eq!(feed["version"], "https://jsonfeed.org/version/1.1");
        assert_eq!(feed["items"][0]["url"], "/legal/1.1.0");
        assert_eq!(feed["items"][1]["id"], "jasmin-policies-1.0.0");
    }
}
