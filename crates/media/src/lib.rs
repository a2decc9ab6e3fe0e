//! Camera, microphone, speaker, codecs and playout.
