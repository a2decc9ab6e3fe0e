import type { DeviceKind, DevicesView, DeviceView } from '../generated/bindings';
import { say } from '../words/words';

/** A picker: what can be chosen and what is. The empty value follows the system. */
export interface Picker {
  readonly kind: DeviceKind;
  readonly label: string;
  readonly chosen: string;
  readonly options: readonly { readonly value: string; readonly word: string }[];
  /** Nothing of this kind is there. */
  readonly none: boolean;
}

export function pickerOf(kind: DeviceKind, devices: DevicesView): Picker {
  const [list, chosen] = listOf(kind, devices);
  const systems = list.find((device) => device.isDefault);
  const follow =
    systems === undefined
      ? say('check.default.none')
      : say('check.default', { name: systems.name });
  const options = list.map((device) => ({ value: device.id, word: device.name }));
  return {
    kind,
    label: say(`check.${kind}`),
    chosen: chosen ?? '',
    options:
      list.length === 0
        ? [{ value: '', word: say(`check.none.${kind}`) }]
        : [{ value: '', word: follow }, ...options],
    none: list.length === 0,
  };
}

function listOf(kind: DeviceKind, devices: DevicesView): [DeviceView[], string | null] {
  switch (kind) {
    case 'camera':
      return [devices.cameras, devices.camera];
    case 'microphone':
      return [devices.microphones, devices.microphone];
    case 'speaker':
      return [devices.speakers, devices.speaker];
  }
}

/** The microphone that is in use: the chosen one, else the system's. */
export function microphoneInUse(devices: DevicesView): string | null {
  const systems = devices.microphones.find((device) => device.isDefault);
  return devices.microphone ?? systems?.id ?? devices.microphones[0]?.id ?? null;
}

/** How many of a meter's segments are lit for a peak of 0 to 1; the scale is in decibels. */
export function litSegments(peak: number, segments: number): number {
  if (peak <= 0) return 0;
  const decibels = 20 * Math.log10(Math.min(1, peak));
  const share = (decibels + 54) / 54;
  return Math.max(0, Math.min(segments, Math.round(share * segments)));
}
