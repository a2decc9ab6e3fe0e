import type { UserId, View } from '../generated/bindings';

/** A page of the settings. */
export type SettingsPage = 'privacy' | 'av' | 'keys' | 'account';

/** In a narrow window the list stands alone; `home` and `add` are pages beside it. */
type PeoplePage = 'list' | 'home' | 'add';

/** Where the person is, apart from calls and questions, which come by themselves. */
export type Place =
  | { is: 'people'; person: UserId | null; page: PeoplePage }
  | { is: 'settings'; page: SettingsPage | null; door: 'privacy' | 'settings' };

export const START: Place = { is: 'people', person: null, page: 'list' };

/** What fills the window. */
export type Screen =
  | 'opening'
  | 'vault'
  | 'welcome'
  | 'code'
  | 'incoming'
  | 'outgoing'
  | 'call'
  | 'ended'
  | 'check'
  | 'people'
  | 'settings';

/** Chooses the screen. A call comes before everything else once somebody is signed in. */
export function screenOf(view: View | null, place: Place, fullCheck: boolean): Screen {
  if (view === null || view.vault.is === 'opening') return 'opening';
  if (view.vault.is !== 'open') return 'vault';
  if (view.account.is === 'awaiting_code') return 'code';
  if (view.account.is !== 'signed_in') return 'welcome';
  if (view.call !== null) return callScreen(view.call.phase.is);
  if (view.check !== null && (fullCheck || !checksInline(place))) return 'check';
  return place.is;
}

type Phase = NonNullable<View['call']>['phase']['is'];

function callScreen(phase: Phase): Screen {
  switch (phase) {
    case 'incoming':
      return 'incoming';
    case 'preparing':
    case 'calling':
    case 'ringing':
      return 'outgoing';
    case 'connecting':
    case 'active':
    case 'reconnecting':
      return 'call';
    case 'ended':
      return 'ended';
  }
}

/** The audio and video page shows the check's preview in itself. */
function checksInline(place: Place): boolean {
  return place.is === 'settings' && place.page === 'av';
}
