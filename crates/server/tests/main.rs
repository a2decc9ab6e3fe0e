//! The server as a process: started, killed, restarted, listened to.

mod api;
mod kill;
mod logs;
#[path = "../src/testing/people.rs"]
mod people;
mod process;
mod restart;
