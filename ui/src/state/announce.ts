import type { CallView, View } from '../generated/bindings';
import { say } from '../words/words';
import { endedWords } from './call-words';
import { firstName } from './names';
import { qualityWords } from './quality';

/** What a screen reader is told: politely, or at once. */
export interface Announcements {
  readonly polite: string;
  readonly assertive: string;
}

const NOTHING: Announcements = { polite: '', assertive: '' };

/** The level of the connection is told no more often than this. */
export const QUALITY_EACH_MS = 10_000;

/** The level of the connection changed within a call. */
export function qualityChanged(before: View | null, now: View): boolean {
  const [was, is] = [before?.call?.quality, now.call?.quality];
  return was != null && is != null && was.level !== is.level;
}

/**
 * Puts the difference between two snapshots into words. Meters, clocks and numbers stay silent;
 * `quality` says whether the connection may be spoken of.
 */
export function announcements(before: View | null, now: View, quality = true): Announcements {
  const call = now.call;
  if (call === null) return NOTHING;
  const earlier = before?.call?.callId === call.callId ? before.call : null;
  const phase = phaseAnnouncement(earlier, call);
  if (phase !== null) return phase;
  if (earlier === null) return NOTHING;
  const changes = [...ownChanges(earlier, call), ...remoteChanges(earlier, call)];
  if (quality && call.phase.is === 'active' && call.quality !== null && qualityChanged(before, now)) {
    changes.push(qualityWords('active', call.quality, call.name).sentence);
  }
  return { polite: changes.join(' '), assertive: '' };
}

function phaseAnnouncement(earlier: CallView | null, call: CallView): Announcements | null {
  const { phase, name, kind } = call;
  if (earlier?.phase.is === phase.is) return null;
  switch (phase.is) {
    case 'preparing':
      return { polite: say('call.preparing', { name }), assertive: '' };
    case 'calling':
      return { polite: say('call.calling', { name }), assertive: '' };
    case 'ringing':
      return { polite: say('call.ringing.text', { name }), assertive: '' };
    case 'incoming':
      return { polite: '', assertive: say('call.incoming.say', { name, kind }) };
    case 'connecting':
      return { polite: say('call.connecting', { name }), assertive: '' };
    case 'active':
      return earlier?.phase.is === 'reconnecting'
        ? { polite: say('call.back'), assertive: '' }
        : { polite: say('call.active', { name }), assertive: '' };
    case 'reconnecting':
      return { polite: '', assertive: say('say.lost') };
    case 'ended': {
      const words = endedWords(call, phase);
      const text = words.text === name ? words.title : `${words.title}. ${words.text}`;
      return words.failed
        ? { polite: '', assertive: text }
        : { polite: text, assertive: '' };
    }
  }
}

function ownChanges(earlier: CallView, call: CallView): string[] {
  const said: string[] = [];
  const [micWas, mic] = [earlier.microphone.is, call.microphone.is];
  const [cameraWas, camera] = [earlier.camera.is, call.camera.is];
  if (mic !== micWas && (mic === 'on' || mic === 'off')) said.push(say(`say.mic.${mic}`));
  if (mic !== micWas && mic === 'failed') said.push(say('say.device.failed', { dev: 'microphone' }));
  if (camera !== cameraWas && (camera === 'on' || camera === 'off')) {
    said.push(say(`say.camera.${camera}`));
  }
  if (camera !== cameraWas && camera === 'failed') {
    said.push(say('say.device.failed', { dev: 'camera' }));
  }
  return said;
}

function remoteChanges(earlier: CallView, call: CallView): string[] {
  if (call.phase.is !== 'active') return [];
  const said: string[] = [];
  const first = firstName(call.name);
  if (earlier.remote.microphone !== call.remote.microphone) {
    said.push(say(call.remote.microphone ? 'say.remote.mic.on' : 'say.remote.mic.off', { first }));
  }
  if (earlier.remote.camera !== call.remote.camera) {
    said.push(say(call.remote.camera ? 'say.remote.camera.on' : 'say.remote.camera.off', { first }));
  }
  return said;
}
