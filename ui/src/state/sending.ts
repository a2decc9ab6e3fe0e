import type { SendingView } from '../generated/bindings';
import { say } from '../words/words';

/** The quiet line: what leaves this computer at this moment, in words. */
export function quietLine({ camera, microphone, to }: SendingView): string {
  if (!camera && !microphone) return say('quiet.none');
  const both = camera && microphone;
  const what = both ? say('quiet.both') : say(camera ? 'quiet.camera' : 'quiet.microphone');
  if (to === null) return say('quiet.local', { what });
  return say(both ? 'quiet.to' : 'quiet.to.one', { what, name: to });
}
