//! A virtual V4L2 camera for tests, preloaded into the process under test.
