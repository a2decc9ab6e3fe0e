import type { Command, View } from '../generated/bindings';
import type { Backend } from './backend';
import { act } from './fake/act';
import { Film } from './fake/film';
import { saved } from './fake/ledger';
import { SCENES } from './fake/scenes';

/** What a test can do with the acted application: look at it, and change what it shows. */
export interface FakeStage {
  readonly commands: readonly Command[];
  view(): View;
  show(change: Partial<View>): void;
}

/** How long writing the records is acted. */
const WRITING_MS = 300;

declare global {
  interface Window {
    jasminStage?: FakeStage;
  }
}

/** An acted application for tests and for looking at the page: `?scene=<name>` says where it begins. */
export function openBackend(): Backend {
  const wanted = new URLSearchParams(window.location.search).get('scene') ?? 'welcome';
  const scene = SCENES[wanted];
  if (scene === undefined) throw new Error(`no scene ${wanted}`);
  const films = { remote: new Film(), self: new Film(), clip: new Film() };
  const watchers = new Set<(view: View) => void>();
  const commands: Command[] = [];
  let view = scene();

  // The records are part of a snapshot only while somebody looks at them.
  let listed = false;
  const snapshot = (): View =>
    listed ? view : { ...view, ledger: { ...view.ledger, records: [] } };
  const show = (change: Partial<View>): void => {
    view = { ...view, ...change, revision: view.revision + 1 };
    for (const watcher of watchers) watcher(snapshot());
  };
  window.jasminStage = { commands, view: () => view, show };

  return {
    view: () => Promise.resolve(snapshot()),
    onView: (callback) => {
      watchers.add(callback);
      return Promise.resolve(() => {
        watchers.delete(callback);
      });
    },
    dispatch: (command) => {
      commands.push(command);
      const outcome = act(view, command);
      // A refusal crosses the border as plain data, as it does from the program.
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors
      if ('failure' in outcome) return Promise.reject(outcome.failure);
      if (command.do === 'show_ledger') listed = command.shown;
      show(outcome.view);
      if (command.do === 'export_ledger') {
        setTimeout(() => {
          show({ ledger: saved(view.ledger) });
        }, WRITING_MS);
      }
      return Promise.resolve();
    },
    frames: (request) => films[request.stream].next(request),
    cover: () => Promise.resolve(false),
    onPaneSize: () => Promise.resolve(() => undefined),
  };
}
