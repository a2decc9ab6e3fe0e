//! The signalling API of Jasmin Chat.
