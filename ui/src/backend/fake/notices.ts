import type { AccountPurpose, AskedIn, Purpose, PurposeKind } from '../../generated/bindings';

type Texts = Record<AskedIn, readonly string[]>;

const TEXTS: Record<Purpose, Texts> = {
  camera: {
    call: [
      'Open the camera for …?',
      '… will see your picture, encrypted all the way. We cannot see it and we record nothing.',
      'Seen by: … only',
    ],
    check: [
      'Open the camera to look at yourself?',
      'You see the picture, nobody else. It stays on this computer and is not kept.',
      'Seen by: You only, on this computer',
    ],
    settings: [
      'May Jasmin open the camera in your calls?',
      'The people you call will see your picture, encrypted all the way. We cannot see it and we record nothing.',
      'Seen by: The people in your calls only',
    ],
  },
  microphone: {
    call: [
      'Open the microphone for …?',
      '… will hear you, encrypted all the way. We cannot listen and we record nothing.',
      'Heard by: … only',
    ],
    check: [
      'Open the microphone to test it?',
      'You see its level and hear the clip, nobody else does. It stays on this computer and is not kept.',
      'Heard by: You only, on this computer',
    ],
    settings: [
      'May Jasmin open the microphone in your calls?',
      'The people you call will hear you, encrypted all the way. We cannot listen and we record nothing.',
      'Heard by: The people in your calls only',
    ],
  },
};

const ANSWERS: Record<AskedIn, string> = {
  call: 'Not now · Only this call · Allow',
  check: 'Not now · Only this check · Allow',
  settings: 'Not now · Allow',
};

const ACCOUNT: Record<AccountPurpose['is'], readonly string[]> = {
  share: [
    'Give … your …?',
    '…, …, wants it for: …. It has signed that it protects it no less than we do.',
    'Seen by: … only',
    'Kept: …',
    'To stop: One press. … is told to delete it.',
    'Not now · Allow',
    'If not, nothing changes for you.',
    'Allow counts until you take it back, as long as what … has signed is in date.',
  ],
  statistics: [
    'Count you in our public statistics?',
    'Once a week we publish a few numbers about many people, with noise in them that hides what any one did.',
    'Seen by: Everybody, as numbers about many people',
    'Kept: Published numbers stay. Nothing else is kept for it.',
    'To stop: One press. You are not counted from then on.',
    'Not now · Allow',
    'If not, nothing changes for you.',
    'Allow counts until you take it back.',
  ],
  policy_news: [
    'Write to you when our policies change?',
    'You get one e-mail about each new version, 30 days before it counts. The app shows every change anyway.',
    'Seen by: You, and whoever carries your mail',
    'Kept: One day, then the mail is deleted here',
    'To stop: One press. Mails that wait are not sent.',
    'Not now · Allow',
    'If not, nothing changes for you.',
    'Allow counts until you take it back.',
  ],
};

/** The text of a question as the catalogue keeps it: with no name in it. */
export function noticeOf(purpose: PurposeKind, where: AskedIn): string[] {
  if (purpose !== 'camera' && purpose !== 'microphone') return [...ACCOUNT[purpose]];
  return [
    ...TEXTS[purpose][where],
    ANSWERS[where],
    'Allow counts in your calls, until you take it back.',
  ];
}
