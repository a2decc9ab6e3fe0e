import type {
  Block,
  Change,
  ChangedSection,
  Document,
  PoliciesView,
  PolicyChangeView,
  PolicyDocumentView,
  PolicyKind,
  PolicyPage,
  PolicySetView,
  Shape,
  Span,
} from '../../generated/bindings';

/** Signs of the acted texts: `**strong**`, `[words](address)`, `{+added+}`, `{-removed-}`. */
const SIGNS = /(\*\*.+?\*\*|\[.+?\]\(.+?\)|\{\+.+?\+\}|\{-.+?-\})/u;

function span(part: string): Span {
  const plain: Span = { text: part, strong: false, href: null, change: null };
  const inner = part.slice(2, -2);
  if (part.startsWith('**')) return { ...plain, text: inner, strong: true };
  if (part.startsWith('{+')) return { ...plain, text: inner, change: 'added' };
  if (part.startsWith('{-')) return { ...plain, text: inner, change: 'removed' };
  const link = /^\[(.+)\]\((.+)\)$/u.exec(part);
  return link === null ? plain : { ...plain, text: link[1] ?? '', href: link[2] ?? '' };
}

/** A line that begins with `- ` or `1. ` is a point. */
function block(line: string): Block {
  const shape: Shape = line.startsWith('- ') ? 'point' : line.startsWith('1. ') ? 'numbered' : 'paragraph';
  const text = line.replace(/^(- |1\. )/u, '');
  return { shape, spans: text.split(SIGNS).filter(Boolean).map(span) };
}

type Words = readonly [name: string, heading: string, ...lines: string[]];

function read(title: string, opening: string, sections: readonly Words[]): Document {
  return {
    title,
    opening: [block(opening)],
    sections: sections.map(([name, heading, ...lines]) => ({ name, heading, blocks: lines.map(block) })),
  };
}

function changed(change: Change | null, [name, heading, ...lines]: Words): ChangedSection {
  const blocks = lines.map((line) =>
    block(change === null ? line : change === 'added' ? `{+${line}+}` : `{-${line}-}`),
  );
  return { name, heading, change, blocks };
}

const PRIVACY: readonly Words[] = [
  [
    'scope',
    '1. What this is about',
    'This text tells what the app and the server learn about you. It belongs to the [user agreement](user-agreement.en.md#you); read both.',
  ],
  [
    'collection',
    '2. What we collect',
    'What an account and a call need, and nothing else:',
    '- **You tell us:** your name, address, birthday, and what you allow or refuse.',
    '- **It follows from a call:** who called whom, when, for how long, and how it ended.',
    '- **We conclude about you:** nothing.',
    'Numbers about the network stay on your computer. Questions: [write to us](mailto:privacy@chat.example), or look at [https://chat.example/privacy](https://chat.example/privacy).',
  ],
  [
    'use',
    '3. Camera and microphone',
    'The camera opens when you allow it, and the picture goes to the people in your call. While a call is on hold, the camera stays ready and sends nothing. The same holds for the microphone and the sound.',
  ],
  [
    'keeping',
    '4. How long it is kept',
    '1. What belongs to your account: until you delete it.',
    '1. The list of calls: 30 days.',
    '1. Records of consent: as long as the law asks for proof.',
  ],
  ['rights', '5. What you can ask for', 'A copy, a correction, or the end of all of it. One message is enough.'],
];

const AGREEMENT: readonly Words[] = [
  [
    'you',
    '1. You and us',
    'This is the agreement between you and whoever runs this server. Together with the [privacy policy](privacy-policy.en.md) it is one set.',
  ],
  ['account', '2. Your account', 'One person, one account. Keep the password to yourself; nobody can restore it.'],
  [
    'manners',
    '3. Manners',
    'Do not use calls to',
    '- harm or frighten anybody,',
    '- pretend to be somebody else,',
    '- record people who did not agree to it.',
  ],
  ['end', '4. The end', 'You can leave at any time. Who harms others may have to.'],
];

const CHANGED: Readonly<Partial<Record<string, Record<PolicyKind, readonly ChangedSection[]>>>> = {
  '1.1.0': {
    privacy_policy: [
      changed(null, [
        'use',
        '3. Camera and microphone',
        'The camera opens when you allow {-it.-}{+it, and the picture goes to the people in your call.+} The same holds for the microphone and the sound.',
      ]),
    ],
    user_agreement: [],
  },
  '2.0.0': {
    privacy_policy: [
      changed(null, [
        'use',
        '3. Camera and microphone',
        'The camera opens when you allow it, and the picture goes to the people in your call. While a call is on hold, the camera {-is closed. -}{+stays ready and sends nothing. +}The same holds for the microphone and the sound.',
      ]),
      changed(null, [
        'keeping',
        '4. How long it is kept',
        '1. What belongs to your account: until you delete it.',
        '1. The list of calls: {-90 -}{+30 +}days.',
        '1. Records of consent: as long as the law asks for proof.',
      ]),
      changed('added', [
        'rights',
        '5. What you can ask for',
        'A copy, a correction, or the end of all of it. One message is enough.',
      ]),
    ],
    user_agreement: [
      changed(null, [
        'account',
        '2. Your account',
        'One person, one account. {-You must not tell anybody your password. It cannot be restored by us.-}{+Keep the password to yourself; nobody can restore it.+}',
      ]),
      changed('removed', ['ads', '5. Advertisements', 'There are none.']),
    ],
  },
};

function change(
  document: PolicyKind,
  section: string,
  kind: PolicyChangeView['kind'],
  summary: string,
  purposes: PolicyChangeView['purposes'] = [],
): PolicyChangeView {
  return { document, section, kind, purposes, summary };
}

const FIRST: PolicySetView = {
  version: '1.0.0',
  announcedAtMs: Date.UTC(2026, 7, 1),
  effectiveAtMs: Date.UTC(2026, 8, 1),
  changes: [],
};

const SECOND: PolicySetView = {
  version: '1.1.0',
  announcedAtMs: Date.UTC(2026, 9, 30),
  effectiveAtMs: Date.UTC(2026, 11, 1),
  changes: [
    change('privacy_policy', 'use', 'editorial', 'It is said more clearly who sees your picture.'),
  ],
};

const THIRD: PolicySetView = {
  version: '2.0.0',
  announcedAtMs: Date.UTC(2026, 11, 30),
  effectiveAtMs: Date.UTC(2027, 1, 1),
  changes: [
    change(
      'privacy_policy',
      'use',
      'widens',
      'While a call is on hold, the camera stays ready and is not closed.',
      ['camera'],
    ),
    change('privacy_policy', 'keeping', 'narrows', 'The list of calls is kept for 30 days, and no longer for 90.'),
    change('privacy_policy', 'rights', 'narrows', 'What you can ask us for is promised in writing.'),
    change('user_agreement', 'account', 'editorial', 'Shorter words about the password.'),
    change('user_agreement', 'ads', 'editorial', 'The sentence that there are no advertisements moved to the privacy policy.'),
  ],
};

/** A server that has none. */
export function noPolicies(): PoliciesView {
  return { known: true, sets: [], inForce: null, unread: null, trouble: false, shown: null };
}

/** Two versions, the newer one in force and read. */
export function policies(change: Partial<PoliciesView> = {}): PoliciesView {
  return { ...noPolicies(), sets: [SECOND, FIRST], inForce: '1.1.0', ...change };
}

/** A third one that was announced and not looked at. */
export function comingPolicies(change: Partial<PoliciesView> = {}): PoliciesView {
  return policies({ sets: [THIRD, SECOND, FIRST], unread: '2.0.0', ...change });
}

/** The third one in force. */
export function changedPolicies(change: Partial<PoliciesView> = {}): PoliciesView {
  return comingPolicies({ inForce: '2.0.0', ...change });
}

/** The texts of a version. */
export function policyPage(version: string): PolicyPage {
  const opening = `Version ${version}. “We” means whoever runs this server.`;
  const texts: [PolicyKind, Document][] = [
    ['privacy_policy', read('Privacy policy', opening, PRIVACY)],
    ['user_agreement', read('User agreement', opening, AGREEMENT)],
  ];
  const documents = texts.map(([kind, document]): PolicyDocumentView => ({
    kind,
    document,
    changed: [...(CHANGED[version]?.[kind] ?? [])],
  }));
  return { is: 'ready', documents };
}

/** With the texts of a version on the page, which makes it a read one. */
export function opened(view: PoliciesView, version: string): PoliciesView {
  const unread = view.unread === version ? null : view.unread;
  return { ...view, unread, shown: { version, page: policyPage(version) } };
}
