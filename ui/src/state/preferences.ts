import { Cell } from './cell';
import type { Corner } from './corner';
import { KEY_MAPS, type KeyMap } from './keys';

/** The part of the browser's storage that is used. */
export interface Storage {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

const LETTERS = 'jasmin.letters';
const KEYS = 'jasmin.keys';
const CORNER = 'jasmin.corner';
const CORNERS: readonly Corner[] = ['top-start', 'top-end', 'bottom-start', 'bottom-end'];

/** Tastes of the page alone: nothing here is a secret or a setting of the program. */
export class Preferences {
  readonly letters: Cell<boolean>;
  readonly keyMap: Cell<KeyMap>;
  readonly corner: Cell<Corner>;

  constructor(storage: Storage | null) {
    const read = (key: string): string | null => {
      try {
        return storage?.getItem(key) ?? null;
      } catch {
        return null;
      }
    };
    const write = (key: string, value: string): void => {
      try {
        storage?.setItem(key, value);
      } catch {
        // A full or forbidden storage costs the taste, not the page.
      }
    };
    const corner = CORNERS.find((known) => known === read(CORNER));
    this.letters = new Cell(read(LETTERS) !== 'off');
    this.keyMap = new Cell<KeyMap>(KEY_MAPS.find((known) => known === read(KEYS)) ?? 'own');
    this.corner = new Cell<Corner>(corner ?? 'bottom-end');
    this.letters.subscribe((on) => {
      write(LETTERS, on ? 'on' : 'off');
    });
    this.keyMap.subscribe((map) => {
      write(KEYS, map);
    });
    this.corner.subscribe((now) => {
      write(CORNER, now);
    });
  }
}
