//! The whole system on one machine, for tests: the real server, the app in real windows on virtual
//! screens, each with a sound card, a camera and a keyring of its own, and hands to use them.
//!
//! A [`World`] has one server and any number of [`Desk`]s; a desk is one person's computer; a
//! [`Window`] is the app running on it. Everything that is started is owned and ended with its owner,
//! also when a test fails. Nothing here sleeps for a fixed time: [`until`] looks again and again, up
//! to a deadline.
//!
//! Linux only: it drives WebKitGTK, Xvfb, PulseAudio and D-Bus.
//!
//! ```no_run
//! # fn main() -> anyhow::Result<()> {
//! jasmin_tests::World::run("example", |world| {
//!     let desk = world.desk("ana")?;
//!     let window = desk.open()?;
//!     window.wait_for("sign-up")
//! })
//! # }
//! ```

mod clock;
mod desk;
mod keyring;
pub mod lens;
mod page;
pub mod pair;
pub mod partner;
mod picture;
mod program;
mod screen;
mod server;
mod sound;
mod speech;
mod wait;
mod webdriver;
mod window;
mod world;

pub use clock::{monotonic_ns, unix_ms_as_monotonic_ns};
pub use desk::{Desk, Keeper};
pub use keyring::Keyring;
pub use page::{Page, Sight};
pub use picture::Picture;
pub use program::{Program, built};
pub use screen::Screen;
pub use server::Server;
pub use sound::{Recording, SoundCard};
pub use speech::{Match, RATE, Speech};
pub use wait::{PATIENCE, until, until_within};
pub use webdriver::{Driver, Session};
pub use window::Window;
pub use world::{Person, World};
