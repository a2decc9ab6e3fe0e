import type { Failure } from '../generated/bindings';
import { say } from '../words/words';

/** Says in words why a command was refused. */
export function failureText(failure: Failure): string {
  switch (failure.code) {
    case 'rate-limited':
      return say('failure.rate-limited', { n: Math.ceil((failure.retryAfterMs ?? 0) / 1000) });
    case 'internal':
      return say('failure.internal', { detail: failure.detail });
    case 'invalid':
      return say(failure.field === 'policy_set' ? 'failure.policy_set' : 'failure.invalid');
    default:
      return say(`failure.${failure.code}`);
  }
}
