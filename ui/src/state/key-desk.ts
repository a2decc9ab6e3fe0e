import type { CallKind } from '../generated/bindings';
import type { App } from './app';
import { actionFor, type Action, type Where } from './keys';
import { screenOf, type Screen } from './place';

/** What only the page itself can do. */
interface PageActions {
  help(): void;
  privacy(): void;
  search(): void;
  /** Closes what lies over the screen; says whether there was something. */
  close(): boolean;
}

/** Turns key presses into commands, by the one table of keys. */
export class KeyDesk {
  readonly #app: App;
  readonly #page: PageActions;
  #talking = false;

  constructor(app: App, page: PageActions) {
    this.#app = app;
    this.#page = page;
  }

  down(event: KeyboardEvent): void {
    if (event.defaultPrevented || this.#app.view.get()?.prompt) return;
    if (event.key === 'Escape' && this.#escape()) {
      event.preventDefault();
      return;
    }
    const action = actionFor(event, this.#where(event.target));
    if (action === null || (action === 'talk' && !onGround(event.target))) return;
    if (this.#do(action)) event.preventDefault();
  }

  up(event: KeyboardEvent): void {
    if (event.key === ' ') this.letGo();
  }

  /** The talk key is no longer held, or the window lost the keyboard. */
  letGo(): void {
    if (!this.#talking) return;
    this.#talking = false;
    void this.#app.act({ do: 'set_microphone', on: false });
  }

  /** Undoes a call that does not ring yet; otherwise leaves what can be left without loss. */
  #escape(): boolean {
    const phase = this.#app.view.get()?.call?.phase.is;
    if (phase === 'preparing') return this.#act({ do: 'hang_up' });
    if (phase === 'ended') return this.#act({ do: 'dismiss_ended' });
    if (this.#page.close()) return true;
    return this.#screen() === 'check' && this.#act({ do: 'stop_check' });
  }

  #screen(): Screen {
    const { view, place, fullCheck } = this.#app;
    return screenOf(view.get(), place.get(), fullCheck.get());
  }

  #where(target: EventTarget | null): Where {
    const screen = this.#screen();
    const letters = this.#app.preferences.letters.get();
    const map = this.#app.preferences.keyMap.get();
    const typing =
      target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');
    switch (screen) {
      case 'call':
      case 'outgoing':
        return { scope: 'call', map, letters, typing };
      case 'incoming':
        return { scope: 'incoming', map, letters, typing };
      case 'people':
        return { scope: 'people', map, letters, typing };
      default:
        return { scope: null, map, letters, typing };
    }
  }

  #do(action: Action): boolean {
    const call = this.#app.view.get()?.call ?? null;
    switch (action) {
      case 'mic':
        return this.#act({ do: 'set_microphone', on: !isOn(call?.microphone.is) });
      case 'camera':
        return this.#act({ do: 'set_camera', on: !isOn(call?.camera.is) });
      case 'talk':
        if (call?.microphone.is !== 'off') return false;
        this.#talking = true;
        return this.#act({ do: 'set_microphone', on: true });
      case 'hangup':
        return this.#act({ do: 'hang_up' });
      case 'privacy':
        this.#page.privacy();
        return true;
      case 'accept-video':
        return this.#act({ do: 'accept', kind: 'video' });
      case 'accept-audio':
        return this.#act({ do: 'accept', kind: 'audio' });
      case 'decline':
        return this.#act({ do: 'decline' });
      case 'silence':
        return this.#act({ do: 'silence_ring' });
      case 'call-video':
        return this.#call('video');
      case 'call-audio':
        return this.#call('audio');
      case 'search':
        this.#page.search();
        return true;
      case 'pane':
        return focusPane(1);
      case 'pane-back':
        return focusPane(-1);
      case 'help':
        this.#page.help();
        return true;
    }
  }

  #call(kind: CallKind): boolean {
    const place = this.#app.place.get();
    if (place.is !== 'people' || place.person === null) return false;
    return this.#act({ do: 'call', userId: place.person, kind });
  }

  #act(command: Parameters<App['act']>[0]): boolean {
    void this.#app.act(command);
    return true;
  }
}

function isOn(state: string | undefined): boolean {
  return state === 'on' || state === 'opening' || state === 'asking';
}

/** Space presses the button that has the focus; it talks only where nothing has. */
function onGround(target: EventTarget | null): boolean {
  return !(target instanceof HTMLElement) || !target.matches('button, a, [role], [tabindex="0"]');
}

/** Moves the focus to the next part of the window. */
function focusPane(step: 1 | -1): boolean {
  const panes = [...document.querySelectorAll<HTMLElement>('[data-pane]')].filter(
    (pane) => pane.getClientRects().length > 0,
  );
  if (panes.length === 0) return false;
  const at = panes.findIndex((pane) => pane.contains(document.activeElement));
  const next = panes[(at + step + panes.length) % panes.length];
  const stops = next?.querySelectorAll<HTMLElement>('button:not([tabindex="-1"]), input, select');
  const first = [...(stops ?? [])].find((stop) => stop.getClientRects().length > 0);
  (first ?? next)?.focus();
  return true;
}
