use cpal::{DeviceId, HostId};

/// WASAPI alone.
pub(crate) const HOSTS: &[HostId] = &[HostId::Wasapi];

/// WASAPI lists no loopbacks among its inputs.
pub(crate) fn is_microphone(_id: &DeviceId) -> bool {
    true
}

pub(crate) fn is_speaker(_id: &DeviceId) -> bool {
    true
}
