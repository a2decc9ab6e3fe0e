import { say, type WordKey } from '../words/words';

/** What a key asks for. */
export type Action =
  | 'mic'
  | 'camera'
  | 'talk'
  | 'hangup'
  | 'privacy'
  | 'accept-video'
  | 'accept-audio'
  | 'decline'
  | 'silence'
  | 'call-video'
  | 'call-audio'
  | 'search'
  | 'pane'
  | 'pane-back'
  | 'help';

/** Where a key counts. */
type Scope = 'call' | 'incoming' | 'people' | 'everywhere';

/** One way to press: `code` is the place on the keyboard, `key` the sign that it gives. */
interface Press {
  readonly code?: string;
  readonly key?: string;
  /** Ctrl, or the command key. */
  readonly mod?: boolean;
  readonly alt?: boolean;
  readonly shift?: boolean;
  readonly shown: string;
}

interface Shortcut {
  readonly action: Action;
  readonly scope: Scope;
  readonly words: WordKey;
  readonly presses: readonly Press[];
}

/** Whose keys: our own, or those of the program that somebody comes from. */
export const KEY_MAPS = ['own', 'meet', 'jami'] as const;
export type KeyMap = (typeof KEY_MAPS)[number];

/** The one table: the handlers, the tooltips and the sheet of keys are made from it. */
const SHORTCUTS: readonly Shortcut[] = [
  {
    action: 'mic',
    scope: 'call',
    words: 'keys.mic',
    presses: [
      { code: 'KeyD', mod: true, shown: 'D' },
      { key: 'm', shown: 'M' },
    ],
  },
  {
    action: 'camera',
    scope: 'call',
    words: 'keys.camera',
    presses: [
      { code: 'KeyE', mod: true, shown: 'E' },
      { key: 'v', shown: 'V' },
    ],
  },
  { action: 'talk', scope: 'call', words: 'keys.talk', presses: [{ key: ' ', shown: 'Space' }] },
  { action: 'privacy', scope: 'call', words: 'keys.privacy', presses: [{ key: 'p', shown: 'P' }] },
  {
    action: 'hangup',
    scope: 'call',
    words: 'keys.hangup',
    presses: [
      { code: 'KeyE', alt: true, shift: true, shown: 'E' },
      { code: 'KeyW', mod: true, shown: 'W' },
    ],
  },
  {
    action: 'accept-video',
    scope: 'incoming',
    words: 'keys.accept.video',
    presses: [{ code: 'KeyV', alt: true, shift: true, shown: 'V' }],
  },
  {
    action: 'accept-audio',
    scope: 'incoming',
    words: 'keys.accept.audio',
    presses: [{ code: 'KeyA', alt: true, shift: true, shown: 'A' }],
  },
  {
    action: 'decline',
    scope: 'incoming',
    words: 'keys.decline',
    presses: [{ code: 'KeyD', alt: true, shift: true, shown: 'D' }],
  },
  {
    action: 'silence',
    scope: 'incoming',
    words: 'keys.silence',
    presses: [{ key: 'Escape', shown: 'Esc' }],
  },
  {
    action: 'call-video',
    scope: 'people',
    words: 'keys.call.video',
    presses: [{ code: 'KeyV', mod: true, shift: true, shown: 'V' }],
  },
  {
    action: 'call-audio',
    scope: 'people',
    words: 'keys.call.audio',
    presses: [{ code: 'KeyC', mod: true, shift: true, shown: 'C' }],
  },
  {
    action: 'search',
    scope: 'people',
    words: 'keys.search',
    presses: [{ code: 'KeyK', mod: true, shown: 'K' }],
  },
  { action: 'pane', scope: 'everywhere', words: 'keys.pane', presses: [{ key: 'F6', shown: 'F6' }] },
  {
    action: 'pane-back',
    scope: 'everywhere',
    words: 'keys.pane.back',
    presses: [{ key: 'F6', shift: true, shown: 'F6' }],
  },
  {
    action: 'help',
    scope: 'everywhere',
    words: 'keys.help',
    presses: [
      { key: '?', shown: '?' },
      { key: 'F1', shown: 'F1' },
    ],
  },
];

/** What other programs press for the same; the rest is as in our own table. */
const OTHERS: Record<Exclude<KeyMap, 'own'>, Partial<Record<Action, readonly Press[]>>> = {
  meet: {
    mic: [{ code: 'KeyD', mod: true, shown: 'D' }],
    camera: [{ code: 'KeyE', mod: true, shown: 'E' }],
    hangup: [{ code: 'KeyW', mod: true, shown: 'W' }],
  },
  jami: {
    mic: [{ key: 'm', shown: 'M' }],
    camera: [{ key: 'v', shown: 'V' }],
    hangup: [{ code: 'KeyD', mod: true, shown: 'D' }],
    'accept-video': [{ code: 'KeyY', mod: true, shown: 'Y' }],
    decline: [{ code: 'KeyD', mod: true, shift: true, shown: 'D' }],
    'call-video': [{ code: 'KeyX', mod: true, shift: true, shown: 'X' }],
    help: [
      { key: '?', shown: '?' },
      { key: 'F10', shown: 'F10' },
    ],
  },
};

function pressesFor({ action, presses }: Shortcut, map: KeyMap): readonly Press[] {
  return map === 'own' ? presses : (OTHERS[map][action] ?? presses);
}

/** A key press as the page sees it. */
export interface Pressed {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly repeat: boolean;
}

export interface Where {
  readonly scope: Exclude<Scope, 'everywhere'> | null;
  readonly map: KeyMap;
  /** Single letters are switched on. */
  readonly letters: boolean;
  /** A text field has the focus. */
  readonly typing: boolean;
}

/** What a press asks for here, or `null`. */
export function actionFor(pressed: Pressed, where: Where): Action | null {
  if (pressed.repeat) return null;
  for (const shortcut of SHORTCUTS) {
    if (shortcut.scope !== 'everywhere' && shortcut.scope !== where.scope) continue;
    for (const press of pressesFor(shortcut, where.map)) {
      if (isSingle(press) && (!where.letters || where.typing)) continue;
      if (matches(press, pressed)) return shortcut.action;
    }
  }
  return null;
}

/** A sign without Ctrl or Alt: could be speech-input noise, so it can be switched off. */
function isSingle(press: Press): boolean {
  return press.key?.length === 1 && press.mod !== true && press.alt !== true;
}

function matches(press: Press, pressed: Pressed): boolean {
  const mod = pressed.ctrlKey || pressed.metaKey;
  if (mod !== (press.mod ?? false) || pressed.altKey !== (press.alt ?? false)) return false;
  // A sign such as "?" needs Shift on some keyboards and not on others.
  const sign = press.key?.length === 1 && !/[a-z ]/.test(press.key);
  if (!sign && pressed.shiftKey !== (press.shift ?? false)) return false;
  if (press.code !== undefined) return pressed.code === press.code;
  return pressed.key.toLowerCase() === press.key?.toLowerCase();
}

/** The keys of a press as they are printed on a keyboard. */
function pressText(press: Press, mac: boolean): string {
  const parts = [
    press.mod === true ? (mac ? '⌘' : 'Ctrl') : '',
    press.alt === true ? (mac ? '⌥' : 'Alt') : '',
    press.shift === true ? (mac ? '⇧' : 'Shift') : '',
    press.shown,
  ];
  return parts.filter(Boolean).join(' ');
}

/** The first way to press for an action, for tooltips and badges. */
export function keyHint(action: Action, map: KeyMap, mac: boolean): string {
  const press = pressesOf(action, map)[0];
  return press === undefined ? '' : pressText(press, mac);
}

function pressesOf(action: Action, map: KeyMap): readonly Press[] {
  const shortcut = SHORTCUTS.find((known) => known.action === action);
  return shortcut === undefined ? [] : pressesFor(shortcut, map);
}

/** For `aria-keyshortcuts`. */
export function ariaKeys(action: Action, map: KeyMap): string {
  return pressesOf(action, map)
    .map((press) =>
      [
        press.mod === true ? 'Control' : '',
        press.alt === true ? 'Alt' : '',
        press.shift === true ? 'Shift' : '',
        press.shown === 'Esc' ? 'Escape' : press.shown,
      ]
        .filter(Boolean)
        .join('+'),
    )
    .join(' ');
}

/** The sheet of keys, by where they count. */
export function keySheet(
  map: KeyMap,
  mac: boolean,
): { title: string; rows: { words: string; presses: string[] }[] }[] {
  const scopes: [Scope, WordKey][] = [
    ['call', 'keys.call'],
    ['incoming', 'keys.incoming'],
    ['people', 'keys.people'],
    ['everywhere', 'keys.everywhere'],
  ];
  return scopes.map(([scope, title]) => ({
    title: say(title),
    rows: SHORTCUTS.filter((shortcut) => shortcut.scope === scope).map((shortcut) => ({
      words: say(shortcut.words),
      presses: pressesFor(shortcut, map).map((press) => pressText(press, mac)),
    })),
  }));
}
