import { failureOf, type Backend } from '../backend/backend';
import type { Command, Failure, View } from '../generated/bindings';
import { announcements, QUALITY_EACH_MS, qualityChanged, type Announcements } from './announce';
import { Cell } from './cell';
import { failureText } from './failure';
import { Covering, type CoverWorld } from './frames/cover';
import { START, type Place } from './place';
import { Preferences, type Storage } from './preferences';

/** What the page knows: the last snapshot, where the person is in it, and what to say. */
export class App {
  readonly view = new Cell<View | null>(null);
  readonly place = new Cell<Place>(START);
  /** The device check fills the window even where its preview has a place in a page. */
  readonly fullCheck = new Cell(false);
  /** The program behind the page does not answer. */
  readonly unreachable = new Cell(false);
  /** A command was refused, and no form is there to say it. */
  readonly notice = new Cell<string | null>(null);
  /** Something that was done. Goes away by itself. */
  readonly toast = new Cell<string | null>(null);
  readonly spoken = new Cell<Announcements>({ polite: '', assertive: '' });
  readonly preferences: Preferences;
  /** Pictures that the window paints over the page. */
  readonly covering: Covering;
  readonly #backend: Backend;
  #toldQualityAt = Number.NEGATIVE_INFINITY;

  constructor(
    backend: Backend,
    storage: Storage | null,
    world: (cover: CoverWorld['cover']) => CoverWorld,
  ) {
    this.#backend = backend;
    this.covering = new Covering(world((cover) => backend.cover(cover)));
    this.preferences = new Preferences(storage);
  }

  /** For the pictures only; everything else goes through {@link send} and {@link act}. */
  get frames(): Backend['frames'] {
    return (request) => this.#backend.frames(request);
  }

  /** Takes the first snapshot, and each later one. */
  async start(): Promise<() => void> {
    try {
      const stop = await this.#backend.onView(
        (view) => {
          this.#take(view);
        },
        () => {
          this.unreachable.set(true);
        },
      );
      this.#take(await this.#backend.view());
      const deaf = await this.#backend.onPaneSize((size) => {
        this.covering.sized(size);
      });
      return () => {
        stop();
        deaf();
      };
    } catch {
      this.unreachable.set(true);
      return () => undefined;
    }
  }

  /** Sends a command for a form: the form shows the failure. */
  async send(command: Command): Promise<Failure | null> {
    try {
      await this.#backend.dispatch(command);
      return null;
    } catch (thrown) {
      return failureOf(thrown);
    }
  }

  /** Sends a command for a button: a failure becomes the notice. True when it was taken. */
  async act(command: Command): Promise<boolean> {
    const failure = await this.send(command);
    this.notice.set(failure === null ? null : failureText(failure));
    return failure === null;
  }

  go(place: Place): void {
    this.notice.set(null);
    this.place.set(place);
  }

  /** Says a sentence to a screen reader. */
  say(sentence: string): void {
    this.spoken.set({ polite: sentence, assertive: '' });
  }

  #take(view: View): void {
    this.unreachable.set(false);
    const before = this.view.get();
    if (before !== null && view.revision < before.revision) return;
    this.view.set(view);
    if (view.check === null && before !== null && before.check !== null) this.fullCheck.set(false);
    const mayTell = Date.now() - this.#toldQualityAt >= QUALITY_EACH_MS;
    const said = announcements(before, view, mayTell);
    if (mayTell && qualityChanged(before, view)) this.#toldQualityAt = Date.now();
    if (said.polite !== '' || said.assertive !== '') this.spoken.set(said);
  }
}
