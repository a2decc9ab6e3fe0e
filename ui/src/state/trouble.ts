import type { ConsentState, DevicesView, DeviceView, OwnDeviceView } from '../generated/bindings';
import { say } from '../words/words';

/** A button of the notice. */
export type TroubleAction =
  | { is: 'try' }
  | { is: 'choose' }
  | { is: 'use'; device: DeviceView }
  | { is: 'without' }
  | { is: 'look' }
  | { is: 'settings' };

/** What is said about a device that does not work: the first layer that blocks, and what helps. */
export interface Trouble {
  readonly dev: 'camera' | 'microphone';
  readonly layer: 'asked' | 'system' | 'busy' | 'gone' | 'other';
  readonly title: string;
  readonly text: string;
  readonly actions: readonly { readonly does: TroubleAction; readonly word: string }[];
}

/** `where` says whether somebody at the other side misses the device. */
export function troubleOf(
  dev: 'camera' | 'microphone',
  state: OwnDeviceView,
  devices: DevicesView,
  where: 'call' | 'check',
  consent?: ConsentState,
): Trouble | null {
  if (state.is !== 'failed') return null;
  const known = dev === 'camera' ? devices.cameras : devices.microphones;
  const others = known.filter((device) => device.name !== state.device);
  const name = state.device;
  const retry = { does: { is: 'try' }, word: say('trouble.try') } as const;
  const without = { does: { is: 'without' }, word: say('trouble.without') } as const;
  const choose = { does: { is: 'choose' }, word: say('trouble.choose') } as const;
  switch (state.problem) {
    case 'consent':
      return {
        dev,
        layer: 'asked',
        title: say(`trouble.${shutBy(consent)}.title`, { dev }),
        text: consentText(dev, where, consent),
        actions: [{ does: { is: 'try' }, word: say('trouble.ask.again') }],
      };
    case 'system':
      return {
        dev,
        layer: 'system',
        title: say('trouble.system.title', { dev }),
        text: say(
          devices.systemWay === 'settings' ? 'trouble.system.text' : 'trouble.system.rights',
          { dev },
        ),
        actions:
          devices.systemWay === 'settings'
            ? [{ does: { is: 'settings' }, word: say('trouble.settings') }, retry, without]
            : [retry, without],
      };
    case 'busy':
      return {
        dev,
        layer: 'busy',
        title: say('trouble.busy.title', { dev }),
        text: say('trouble.busy.text', { dev, name }),
        actions: others.length > 0 ? [choose, retry] : [retry, without],
      };
    case 'gone': {
      const other = others[0];
      const use =
        other === undefined
          ? []
          : [
              {
                does: { is: 'use', device: other },
                word: say('trouble.use', { name: other.name }),
              } as const,
            ];
      return {
        dev,
        layer: 'gone',
        title: say('trouble.gone.title', { name }),
        text: say(where === 'call' ? 'trouble.gone.text' : 'trouble.gone.text.check', { dev, name }),
        actions: [...use, without],
      };
    }
    case 'stalled':
      return {
        dev,
        layer: 'gone',
        title: say('trouble.stalled.title', { name }),
        text: say('trouble.stalled.text', { dev, name }),
        actions: [retry, without],
      };
    case 'none_found':
      return {
        dev,
        layer: 'gone',
        title: say('trouble.none.title', { dev }),
        text: say('trouble.none.text', { dev }),
        actions: [{ does: { is: 'look' }, word: say('trouble.look') }, without],
      };
    case 'other':
      return {
        dev,
        layer: 'other',
        title: say('trouble.other.title', { dev }),
        text: say('trouble.other.text', { dev, name }),
        actions: [retry, without],
      };
  }
}

/** What keeps a device shut that our own consent blocks. */
function shutBy(consent: ConsentState | undefined): 'withdrawn' | 'superseded' | 'consent' {
  return consent === 'withdrawn' || consent === 'superseded' ? consent : 'consent';
}

function consentText(
  dev: 'camera' | 'microphone',
  where: 'call' | 'check',
  consent: ConsentState | undefined,
): string {
  const said = say(`trouble.${shutBy(consent)}.text`);
  return where === 'call' ? `${said} ${say('trouble.consent.call', { dev })}` : said;
}
