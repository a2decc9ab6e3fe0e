import type {
  Command,
  Cover,
  Failure,
  FailureCode,
  FrameRequest,
  PaneSize,
  View,
} from '../generated/bindings';

/** Everything that the page can know of and ask from the application. */
export interface Backend {
  /** The present snapshot. */
  view(): Promise<View>;
  /** Calls back with each later snapshot, or says that one could not be had; the returned function stops it. */
  onView(callback: (view: View) => void, onlost: (thrown: unknown) => void): Promise<() => void>;
  /** Resolves when the command was taken; rejects with a {@link Failure}. */
  dispatch(command: Command): Promise<void>;
  /** Waits up to a second for frames. Records as in `state/frames/records.ts`; may be empty. */
  frames(request: FrameRequest): Promise<ArrayBuffer>;
  /** Says where pictures shall lie over the page; false where the window paints none. */
  cover(cover: Cover): Promise<boolean>;
  /** Calls back when pictures of another size come to a pane; the returned function stops it. */
  onPaneSize(callback: (size: PaneSize) => void): Promise<() => void>;
}

const CODES: ReadonlySet<string> = new Set<FailureCode>([
  'unreachable',
  'not-a-server',
  'insecure-server',
  'wrong-credentials',
  'wrong-code',
  'invalid',
  'age-restricted',
  'not-now',
  'not-a-contact',
  'no-device',
  'key-changed',
  'rate-limited',
  'vault',
  'wrong-passphrase',
  'server',
  'internal',
]);

/** Makes a {@link Failure} of whatever was thrown. */
export function failureOf(thrown: unknown): Failure {
  if (isFailure(thrown)) {
    const { code, detail = '', field = null, retryAfterMs = null } = thrown;
    return { code, detail, field, retryAfterMs };
  }
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'internal', detail, field: null, retryAfterMs: null };
}

function isFailure(thrown: unknown): thrown is Pick<Failure, 'code'> & Partial<Failure> {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return false;
  return typeof thrown.code === 'string' && CODES.has(thrown.code);
}
