use cpal::{DeviceId, HostId};

/// PulseAudio's protocol, which PipeWire speaks too; bare ALSA only without either, because it
/// knows no change of devices and floods its error callbacks.
pub(crate) const HOSTS: &[HostId] = &[HostId::PulseAudio, HostId::Alsa];

/// Monitors hear what a speaker plays; offering them would send the far side its own voice.
pub(crate) fn is_microphone(id: &DeviceId) -> bool {
    match id.host() {
        HostId::PulseAudio => !id.id().ends_with(".monitor"),
        HostId::Alsa => is_alsa_device(id.id()),
    }
}

pub(crate) fn is_speaker(id: &DeviceId) -> bool {
    id.host() != HostId::Alsa || is_alsa_device(id.id())
}

/// Of the many names ALSA has for a card, the one that converts rates and formats.
fn is_alsa_device(id: &str) -> bool {
    id == "default" || id.starts_with("plughw:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monitors_and_alsa_plumbing_are_not_offered() {
        let pulse = |id| DeviceId::new(HostId::PulseAudio, id);
        assert!(is_microphone(&pulse("alsa_input.usb-headset.mono")));
        assert!(!is_microphone(&pulse(
            "alsa_output.pci.analog-stereo.monitor"
        )));
        assert!(is_speaker(&pulse("alsa_output.pci.analog-stereo")));
        let alsa = |id| DeviceId::new(HostId::Alsa, id);
        assert!(is_microphone(&alsa("default")));
        assert!(is_speaker(&alsa("plughw:CARD=PCH,DEV=0")));
        assert!(!is_speaker(&alsa("surround71:CARD=PCH,DEV=0")));
        assert!(!is_microphone(&alsa("null")));
    }
}
