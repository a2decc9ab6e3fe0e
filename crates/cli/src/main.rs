//! Jasmin Chat's client without a window: echo peer, test caller.

fn main() {}
