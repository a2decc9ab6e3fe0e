use std::fmt::Write as _;

use axum::{Json, extract::State};
use jasmin_protocol::{Statistics, StatisticsFigure, StatisticsRelease};

use super::legal::{Page, banner_of_all, escape, page};
use crate::{app::Shared, extract::Throttled, problem::Failure};

/// Every number about people that was ever published: for anybody.
#[utoipa::path(get, path = "/v1/statistics", operation_id = "statistics",
    responses((status = 200, body = Statistics), Failure))]
pub(crate) async fn list(
    _: Throttled,
    State(app): State<Shared>,
) -> Result<Json<Statistics>, Failure> {
    Ok(Json(app.statistics().await?))
}

/// The same as a page, with bars.
pub(crate) async fn shown(_: Throttled, State(app): State<Shared>) -> Result<Page, Failure> {
    let Statistics {
        releases,
        year_budget_milli,
    } = app.statistics().await?;
    let mut body = format!(
        "<section class=card><h2>How these numbers are made</h2><p>Counted is who has allowed it in the app \
         before the week began, and nobody under 18. Each person is in one group of each question, by what \
         they did themselves. Random noise is added to every number, so that none of them says much about any \
         one person. Groups that seem smaller than 150 are left out, so that one of fewer than 50 people is \
         hardly ever shown. There are no other numbers: these questions, once a week.</p>\
         <p>In exact terms: discrete Laplace noise, pure differential privacy for what one person does in a \
         week. Each release says what it cost (epsilon); the releases of a year cost {} together at most.</p>\
         </section>",
        thousandths(year_budget_milli)
    );
    if releases.is_empty() {
        body.push_str("<section class=card><p>Nothing has been published yet.</p></section>");
    }
    for release in &releases {
        show(&mut body, release);
    }
    let banner = banner_of_all(&app).await?;
    Ok(page("Statistics", &banner, &body))
}

fn show(body: &mut String, release: &StatisticsRelease) {
    let _ = write!(
        body,
        "<section class=card><h2>Week {}</h2><p>Epsilon {} for these {} questions together.</p>",
        escape(&release.week),
        thousandths(release.epsilon_milli),
        release.figures.len()
    );
    let says_something =
        |figure: &&StatisticsFigure| figure.groups.iter().any(|group| group.people.is_some());
    for figure in release.figures.iter().filter(says_something) {
        bars(body, figure);
    }
    let silent = release
        .figures
        .iter()
        .filter(|figure| !says_something(figure));
    let titles: Vec<String> = silent.map(|figure| escape(&figure.title)).collect();
    if !titles.is_empty() {
        let _ = write!(
            body,
            "<p>Too few people to say anything: {}.</p>",
            titles.join("; ")
        );
    }
    body.push_str("</section>");
}

/// A table: the bar is beside its number, so that nothing is said by it alone.
fn bars(body: &mut String, figure: &StatisticsFigure) {
    let most = figure.groups.iter().filter_map(|group| group.people).max();
    let most = most.unwrap_or(0).max(1);
    let _ = write!(
        body,
        "<table class=bars><caption>{}</caption><tbody>",
        escape(&figure.title)
    );
    for group in &figure.groups {
        let label = escape(&group.label);
        let _ = match group.people {
            Some(people) => write!(
                body,
                "<tr><th scope=row>{label}</th><td><progress max={most} value={people} aria-hidden=true>\
                 </progress></td><td class=n>about {people}</td></tr>"
            ),
            None => write!(
                body,
                "<tr><th scope=row>{label}</th><td></td><td class=n>too few to say</td></tr>"
            ),
        };
    }
    body.push_str("</tbody></table>");
}

fn thousandths(milli: u32) -> String {
    format!("{}.{:03}", milli / 1000, milli % 1000)
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{statistics::release_from, testing::World};

    #[tokio::test]
    async fn numbers_are_for_everybody_with_bars_and_what_they_cost() {
        let world = World::new().await;
        let text = world.get("/legal/statistics").await.text();
        assert!(text.contains("Nothing has been published yet"), "{text}");
        let mut next = 1_000;
        let mut noise = |_, _, _| {
            next -= 60;
            Ok(next)
        };
        let app = &world.app;
        release_from(&app.store, &app.keys, app.now_ms(), &mut noise)
            .await
            .unwrap();
        let found: Statistics = world.get("/v1/statistics").await.ok();
        assert_eq!(found.releases[0].week, "2026-W46");
        assert_eq!(found.releases[0].figures[0].groups[0].people, Some(940));
        let text = world.get("/legal/statistics").await.text();
        for part in [
            "Week 2026-W46",
            "Epsilon 0.5 for",
            "26 together at most",
            "Too few people to say anything: System of the newest of them.",
            "about 940",
            "too few to say",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.contains("<progress max=940 value=940 aria-hidden=true>"));
    }

    #[test]
    fn thousandths_are_written_short() {
        assert_eq!(thousandths(500), "0.5");
        assert_eq!(thousandths(26_500), "26.5");
        assert_eq!(thousandths(1_000), "1");
        assert_eq!(thousandths(0), "0");
    }
}
