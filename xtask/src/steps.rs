//! Steps with a name, their times, and where they went wrong.

use std::{
    io::Write as _,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use crate::workspace;

/// A run of steps, one after the other, until one fails.
#[derive(Debug)]
pub(crate) struct Steps {
    verb: &'static str,
    began: Instant,
    done: Vec<(String, Duration, bool)>,
}

impl Steps {
    /// Starts the clock.
    pub(crate) fn new(verb: &'static str) -> Self {
        Self {
            verb,
            began: Instant::now(),
            done: Vec::new(),
        }
    }

    /// Runs one step. A failure names the step.
    pub(crate) fn step<T>(
        &mut self,
        name: &str,
        what: &str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        println!("\n── {name}: {what}");
        let began = Instant::now();
        let result = work();
        self.done
            .push((name.to_owned(), began.elapsed(), result.is_ok()));
        result.with_context(|| format!("step `{name}` failed after {}", seconds(began.elapsed())))
    }

    /// The table of times.
    fn table(&self) -> String {
        let mut table = format!("where the time went ({}):\n", self.verb);
        for (name, time, ok) in &self.done {
            let mark = if *ok { "" } else { "  FAILED" };
            table.push_str(&format!("  {name:<22} {:>8}{mark}\n", seconds(*time)));
        }
        table.push_str(&format!(
            "  {:<22} {:>8}\n",
            "all",
            seconds(self.began.elapsed())
        ));
        table
    }
}

impl Drop for Steps {
    /// Prints the table, whether all went well or not, and keeps it beside the build.
    fn drop(&mut self) {
        let table = self.table();
        println!("\n{table}");
        let Ok(target) = workspace::target() else {
            return;
        };
        let file = target.join("xtask-times.txt");
        let opened = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&file);
        if let Err(error) = opened.and_then(|mut file| writeln!(file, "{table}")) {
            eprintln!("cannot keep the times in {}: {error}", file.display());
        }
    }
}

fn seconds(time: Duration) -> String {
    let all = time.as_secs();
    if all >= 60 {
        format!("{} min {:02} s", all / 60, all % 60)
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_is_named_and_marked() {
        let mut steps = Steps::new("test");
        steps.step("fine", "goes well", || Ok(())).unwrap();
        let failed = steps.step("broken", "goes wrong", || -> Result<()> {
            anyhow::bail!("no")
        });
        assert!(format!("{:#}", failed.unwrap_err()).contains("step `broken` failed"));
        let table = steps.table();
        assert!(
            table.contains("broken") && table.contains("FAILED"),
            "{table}"
        );
    }

    #[test]
    fn long_times_are_told_in_minutes() {
        assert_eq!(seconds(Duration::from_millis(1500)), "1.5 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }
}
