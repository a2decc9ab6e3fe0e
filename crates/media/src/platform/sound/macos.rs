use cpal::{DeviceId, HostId};

/// Core Audio alone.
pub(crate) const HOSTS: &[HostId] = &[HostId::CoreAudio];

/// Core Audio lists no loopbacks among its inputs.
pub(crate) fn is_microphone(_id: &DeviceId) -> bool {
    true
}

pub(crate) fn is_speaker(_id: &DeviceId) -> bool {
    true
}
