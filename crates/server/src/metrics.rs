use std::{
    fmt::Write,
    sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed},
};

/// Counters for `/metrics`. They count deeds, not people.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By first digit of the status, 1 to 5.
    responses: [AtomicU64; 5],
    pub(crate) sockets: AtomicI64,
    pub(crate) events_delivered: AtomicU64,
    pub(crate) relays: AtomicU64,
    pub(crate) relays_dropped: AtomicU64,
    pub(crate) calls_placed: AtomicU64,
    pub(crate) calls_answered: AtomicU64,
    pub(crate) calls_missed: AtomicU64,
    pub(crate) mails: AtomicU64,
    pub(crate) mail_failures: AtomicU64,
    pub(crate) refresh_reuse: AtomicU64,
}

impl Metrics {
    pub(crate) fn responded(&self, status: u16) {
        if let Some(counter) = self
            .responses
            .get(usize::from(status / 100).wrapping_sub(1))
        {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// Returns the Prometheus text format, version 0.0.4.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, kind: &str, label: &str, value: i128| {
            // Writing to a String cannot fail.
            let _ = match label {
                "" => write!(text, "# TYPE jasmin_{name} {kind}\njasmin_{name} {value}\n"),
                label => writeln!(text, "jasmin_{name}{{{label}}} {value}"),
            };
        };
        for (i, counter) in self.responses.iter().enumerate() {
            line(
                "responses_total",
                "counter",
                &format!("class=\"{}xx\"", i + 1),
                counter.load(Relaxed).into(),
            );
        }
        line("sockets", "gauge", "", self.sockets.load(Relaxed).into());
        for (name, counter) in [
            ("events_delivered_total", &self.events_delivered),
            ("relays_total", &self.relays),
            ("relays_dropped_total", &self.relays_dropped),
            ("calls_placed_total", &self.calls_placed),
            ("calls_answered_total", &self.calls_answered),
            ("calls_missed_total", &self.calls_missed),
            ("mails_total", &self.mails),
            ("mail_failures_total", &self.mail_failures),
            ("refresh_reuse_total", &self.refresh_reuse),
        ] {
            line(name, "counter", "", counter.load(Relaxed).into());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_by_class_and_ignores_impossible_statuses() {
        let metrics = Metrics::default();
        for status in [200, 204, 404, 503, 0, 999] {
            metrics.responded(status);
        }
        let text = metrics.text();
        assert!(text.contains("jasmin_responses_total{class=\"2xx\"} 2\n"));
        assert!(text.contains("jasmin_responses_total{class=\"4xx\"} 1\n"));
        assert!(text.contains("# TYPE jasmin_sockets gauge\njasmin_sockets 0\n"));
    }
}
