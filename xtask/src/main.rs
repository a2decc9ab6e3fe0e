//! The verbs: run, test, bench, bundle, doctor.

fn main() {}
