//! What processes take: time of the processor by process and thread, and memory.

use std::{collections::BTreeMap, fs, time::Instant};

use anyhow::{Context, Result, bail, ensure};

/// Ticks a second of the times in `/proc` (`USER_HZ`).
const HZ: f64 = 100.0;

/// The virtual camera's own threads: it lives in the process that reads it, but is no part of it.
const CAMERA_THREAD: &str = "vcam";
/// What its pictures are made of. The buffers that it hands out count: a real camera's would.
const CAMERA_MEMORY: &str = jasmin_vcam::painter::MEMORY;

/// Times of some processes at one moment.
#[derive(Debug)]
pub(crate) struct Sample {
    at: Instant,
    processes: BTreeMap<i32, Process>,
}

#[derive(Clone, Debug, Default)]
struct Process {
    role: String,
    ticks: u64,
    threads: BTreeMap<i32, (String, u64)>,
}

/// What was used between two moments, in percent of one core, and at the end, in bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Usage {
    /// Each process by its role.
    pub(crate) processes: BTreeMap<String, f64>,
    /// Each role's threads by name.
    pub(crate) threads: BTreeMap<(String, String), f64>,
    /// The virtual camera, which is in none of the others.
    pub(crate) camera: f64,
    /// Memory (proportional set size) by role.
    pub(crate) memory: BTreeMap<String, u64>,
    /// The virtual camera's, which is in none of the others.
    pub(crate) camera_memory: u64,
}

impl Usage {
    /// Of all processes.
    pub(crate) fn total(&self) -> f64 {
        self.processes.values().sum()
    }

    /// Of all processes.
    pub(crate) fn memory_total(&self) -> u64 {
        self.memory.values().sum()
    }
}

impl Sample {
    /// Looks at processes now; `role` names each by its name and its command line, or leaves it out.
    pub(crate) fn of(ids: &[i32], role: impl Fn(&str, &str) -> Option<String>) -> Self {
        let mut processes = BTreeMap::new();
        for id in ids {
            // One that ends meanwhile is left out.
            if let Ok((name, ticks)) = stat(&format!("/proc/{id}/stat"))
                && let Some(role) = role(&name, &command_line(*id))
            {
                let threads = threads(*id);
                processes.insert(
                    *id,
                    Process {
                        role,
                        ticks,
                        threads,
                    },
                );
            }
        }
        Self {
            at: Instant::now(),
            processes,
        }
    }

    /// Whether there was none of the processes.
    pub(crate) fn is_empty(&self) -> bool {
        self.processes.is_empty()
    }

    /// What was used since an earlier moment, and the memory now.
    pub(crate) fn since(&self, earlier: &Self) -> Result<Usage> {
        let seconds = self.at.duration_since(earlier.at).as_secs_f64();
        ensure!(seconds > 0.5, "too short to measure: {seconds} s");
        let percent = |now: u64, then: u64| now.saturating_sub(then) as f64 / HZ / seconds * 100.0;
        let mut usage = Usage::default();
        let none = Process::default();
        for (id, now) in &self.processes {
            let then = earlier.processes.get(id).unwrap_or(&none);
            let mut own = percent(now.ticks, then.ticks);
            for (thread, (name, ticks)) in &now.threads {
                let before = then.threads.get(thread).map_or(0, |(_, ticks)| *ticks);
                let used = percent(*ticks, before);
                if name.starts_with(CAMERA_THREAD) {
                    usage.camera += used;
                    own -= used;
                } else {
                    let key = (now.role.clone(), family(name));
                    *usage.threads.entry(key).or_default() += used;
                }
            }
            *usage.processes.entry(now.role.clone()).or_default() += own.max(0.0);
            let memory = Memory::of(*id)?;
            *usage.memory.entry(now.role.clone()).or_default() += memory.own;
            usage.camera_memory += memory.camera;
        }
        Ok(usage)
    }
}

/// Threads of one kind count together: `pool-1`, `pool-2`.
fn family(name: &str) -> String {
    let word = name.trim_end_matches(|c: char| c.is_ascii_digit() || "-_/#: ".contains(c));
    if word.is_empty() { name } else { word }.to_owned()
}

fn threads(id: i32) -> BTreeMap<i32, (String, u64)> {
    let entries = fs::read_dir(format!("/proc/{id}/task"))
        .into_iter()
        .flatten();
    entries
        .flatten()
        .filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Some((
                number,
                stat(&format!("/proc/{id}/task/{number}/stat")).ok()?,
            ))
        })
        .collect()
}

/// Name and time (user and system, in ticks), as `proc(5)` describes them.
fn stat(path: &str) -> Result<(String, u64)> {
    parse_stat(&fs::read_to_string(path)?).with_context(|| format!("{path} is not understood"))
}

fn parse_stat(text: &str) -> Option<(String, u64)> {
    let (head, rest) = text.rsplit_once(')')?;
    let name = head.split_once('(')?.1.to_owned();
    let mut times = rest.split_whitespace().skip(11);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    Some((name, user + system))
}

fn command_line(id: i32) -> String {
    let bytes = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// A process's share of memory (proportional set size), in bytes: what it shares counts in parts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Memory {
    own: u64,
    camera: u64,
}

impl Memory {
    fn of(id: i32) -> Result<Self> {
        let path = format!("/proc/{id}/smaps");
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            // It ended.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => bail!("{path}: {error}"),
        };
        let memory = Self::parse(&text).with_context(|| format!("{path} is not understood"))?;
        ensure!(memory != Self::default(), "{path} names no memory");
        Ok(memory)
    }

    /// Each mapping is a line that ends with its name, and lines of `Word: number kB`.
    fn parse(text: &str) -> Option<Self> {
        let mut memory = Self::default();
        let mut of_camera = false;
        for line in text.lines() {
            if let Some(size) = line.strip_prefix("Pss:") {
                let bytes = size.split_whitespace().next()?.parse::<u64>().ok()? * 1024;
                *if of_camera {
                    &mut memory.camera
                } else {
                    &mut memory.own
                } += bytes;
            } else if line.starts_with(|c: char| c.is_ascii_digit() || c.is_ascii_lowercase()) {
                of_camera = line.contains(CAMERA_MEMORY);
            }
        }
        Some(memory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_brackets_and_blanks_are_read() {
        let line = "42 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 1100 22 0 0 20 0 4 0 99";
        assert_eq!(parse_stat(line), Some(("a (b) c".to_owned(), 1122)));
        assert_eq!(parse_stat("42 (a"), None);
    }

    #[test]
    fn the_cameras_memory_is_told_apart() {
        let text = "\
7f00-7f10 r--s 00000000 00:01 7                          /memfd:vcam-scene (deleted)
Size:               1800 kB
Pss:                1800 kB
Pss_Dirty:             3 kB
VmFlags: rd mr
7f10-7f20 rw-p 00000000 00:00 0
Pss:                  12 kB
";
        let memory = Memory::parse(text).unwrap();
        assert_eq!((memory.camera, memory.own), (1800 * 1024, 12 * 1024));
        assert_eq!(Memory::parse("Pss: much kB"), None);
    }

    #[test]
    fn a_busy_thread_is_seen_with_its_process() {
        let own = i32::try_from(std::process::id()).unwrap();
        let role = |_: &str, _: &str| Some("own".to_owned());
        let before = Sample::of(&[own], role);
        let start = Instant::now();
        let busy = std::thread::Builder::new().name("busy-7".to_owned());
        let (end, wait) = std::sync::mpsc::channel::<()>();
        let thread = busy
            .spawn(move || {
                while start.elapsed().as_millis() < 700 {
                    std::hint::spin_loop();
                }
                // Stays until it was looked at.
                let _ended = wait.recv();
            })
            .unwrap();
        while start.elapsed().as_millis() < 720 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let usage = Sample::of(&[own], role).since(&before).unwrap();
        drop(end);
        thread.join().unwrap();
        let busy = usage.threads[&("own".to_owned(), "busy".to_owned())];
        assert!(busy > 10.0, "{usage:?}");
        assert!(usage.total() >= busy * 0.9);
        assert!(usage.memory_total() > 1 << 20);
    }
}
