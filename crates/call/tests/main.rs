//! Two sessions on a simulated network, in virtual time: minutes of call in a blink.

mod blackout;
mod congestion;
mod connect;
mod gotchas;
mod junk;
mod loss;
mod security;
mod world;
