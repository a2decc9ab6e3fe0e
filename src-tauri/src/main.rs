//! The window of Jasmin Chat.

fn main() {}
