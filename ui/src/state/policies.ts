import type {
  Block,
  ChangeKind,
  Change,
  ConsentState,
  PoliciesView,
  PolicyDocumentView,
  PolicyKind,
  PolicySetView,
  PurposeKind,
  Shape,
  Span,
  View,
} from '../generated/bindings';
import { locale, say } from '../words/words';
import type { Screen } from './place';
import { calendarDay } from './time';

/** How a version stands: not yet, now, or no longer. */
export type PolicyTime = 'coming' | 'current' | 'past';

export function policySet(policies: PoliciesView, version: string | null): PolicySetView | null {
  return policies.sets.find((set) => set.version === version) ?? null;
}

export function policyTime({ sets, inForce }: PoliciesView, version: string): PolicyTime {
  const current = sets.findIndex((set) => set.version === inForce);
  const asked = sets.findIndex((set) => set.version === version);
  if (asked === current) return 'current';
  return current === -1 || asked < current ? 'coming' : 'past';
}

/** From when on a version counts, or counted. */
export function policyState(policies: PoliciesView, { version, effectiveAtMs }: PolicySetView): string {
  return say(`policy.${policyTime(policies, version)}`, { day: calendarDay(effectiveAtMs) });
}

/** A version as it stands in a list of them. */
export function policyName(policies: PoliciesView, set: PolicySetView): string {
  return say('policy.option', { version: set.version, state: policyState(policies, set) });
}

/** The version that comes next, if one was announced. */
export function comingSet(policies: PoliciesView): PolicySetView | null {
  const coming = policies.sets.filter(({ version }) => policyTime(policies, version) === 'coming');
  return coming.at(-1) ?? null;
}

function named(purposes: readonly PurposeKind[]): string {
  const names = purposes.map((purpose) => say('consent.in', { purpose }));
  return new Intl.ListFormat(locale()).format(names);
}

/** What is to be read at the top of the window; `null` when there is nothing new. */
export function bannerText(policies: PoliciesView): string | null {
  const set = policySet(policies, policies.unread);
  if (set === null) return null;
  const when = policyTime(policies, set.version) === 'coming' ? 'coming' : 'come';
  const n = set.changes.filter(({ kind, purposes }) => kind === 'widens' && purposes.length > 0).length;
  return say(`policy.banner.${when}`, { day: calendarDay(set.effectiveAtMs), n });
}

/** Where the news is shown: never over a call, and not before somebody is signed in. */
export function tellsNews(screen: Screen): boolean {
  return screen === 'people' || screen === 'settings';
}

/** Where there is room and time to read. A call puts the texts away. */
export function canRead(screen: Screen): boolean {
  return tellsNews(screen) || screen === 'welcome' || screen === 'code';
}

/** A change as it is told. */
export interface ToldChange {
  readonly kind: ChangeKind;
  readonly badge: string;
  /** The section, by its heading where that is known. */
  readonly heading: string;
  readonly document: string;
  readonly summary: string;
  readonly asked: string | null;
}

/** What a version changes. The documents are there only when they are on the page. */
export function toldChanges(set: PolicySetView, documents: readonly PolicyDocumentView[]): ToldChange[] {
  return set.changes.map(({ document, section, kind, purposes, summary }) => {
    const found = documents.find((one) => one.kind === document);
    const all = [...(found?.changed ?? []), ...(found?.document.sections ?? [])];
    return {
      kind,
      badge: say(`policy.kind.${kind}`),
      heading: all.find(({ name }) => name === section)?.heading ?? section,
      document: say(`policy.${document}`),
      summary,
      asked: purposes.length === 0 ? null : say('policy.asked', { what: named(purposes) }),
    };
  });
}

/** Blocks of one shape that follow each other: a paragraph, or a whole list. */
export interface Passage {
  readonly shape: Shape;
  readonly blocks: readonly Block[];
}

export function passages(blocks: readonly Block[]): Passage[] {
  const found: { shape: Shape; blocks: Block[] }[] = [];
  for (const block of blocks) {
    const last = found.at(-1);
    if (last?.shape === block.shape && block.shape !== 'paragraph') last.blocks.push(block);
    else found.push({ shape: block.shape, blocks: [block] });
  }
  return found;
}

/** Words that came, went or stayed together; the space after them is nobody's. */
export interface Run {
  readonly change: Change | null;
  readonly spans: readonly Span[];
  readonly space: string;
}

export function runs(spans: readonly Span[]): Run[] {
  const found: { change: Change | null; spans: Span[]; space: string }[] = [];
  for (const span of spans) {
    const last = found.at(-1);
    if (last?.change === span.change) last.spans.push(span);
    else found.push({ change: span.change, spans: [span], space: '' });
  }
  for (const run of found) {
    const last = run.spans.at(-1);
    if (run.change === null || last === undefined) continue;
    const text = last.text.trimEnd();
    run.space = last.text.slice(text.length);
    run.spans[run.spans.length - 1] = { ...last, text };
  }
  return found;
}

/** Where words lead to. */
export type Leads =
  | { is: 'nowhere' }
  | { is: 'document'; kind: PolicyKind; section: string | null }
  /** Outside: the address is only told. `null` where the words are the address. */
  | { is: 'outside'; address: string | null };

export function leads({ href, text }: Span): Leads {
  if (href === null) return { is: 'nowhere' };
  const [file = '', section] = href.split('#');
  const place = { is: 'document', section: section ?? null } as const;
  if (file.startsWith('privacy-policy.')) return { ...place, kind: 'privacy_policy' };
  if (file.startsWith('user-agreement.')) return { ...place, kind: 'user_agreement' };
  const address = href.replace(/^mailto:/u, '');
  return { is: 'outside', address: address === text.trim() ? null : address };
}

/** Why a question comes again: what the policies now do more for its purpose. */
export interface AskedAgain {
  readonly text: string;
  readonly summaries: readonly string[];
}

/** `null` for a question that does not come again because of the policies. */
export function askedAgain({ prompt, consents, policies }: View): AskedAgain | null {
  if (prompt === null) return null;
  const asked = consents.find(({ purpose }) => purpose === prompt.purpose);
  return askedAnew(policies, prompt.purpose, asked?.state);
}

/** The same for a purpose that stands so. */
export function askedAnew(
  policies: PoliciesView,
  purpose: PurposeKind,
  state: ConsentState | undefined,
): AskedAgain | null {
  if (state !== 'superseded') return null;
  const widens = (set: PolicySetView): string[] =>
    set.changes
      .filter(({ kind, purposes }) => kind === 'widens' && purposes.includes(purpose))
      .map(({ summary }) => summary);
  const summaries = policies.sets
    .filter(({ version }) => policyTime(policies, version) !== 'coming')
    .map(widens)
    .find((found) => found.length > 0);
  return { text: say('policy.again'), summaries: summaries ?? [] };
}
