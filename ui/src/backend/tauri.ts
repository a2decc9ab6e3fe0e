import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { PaneSize, View } from '../generated/bindings';
import type { Backend } from './backend';

/** The application behind the window. */
export function openBackend(): Backend {
  return {
    view: () => invoke<View>('view'),
    // The event is a ring that carries no more than the revision; the window rings again only
    // after the snapshot was fetched, so that a busy page has no queue to work through.
    onView: (callback, onlost) =>
      listen<number>('view', () => {
        invoke<View>('view').then(callback, onlost);
      }),
    dispatch: async (command) => {
      await invoke('dispatch', { command });
    },
    frames: (request) => invoke<ArrayBuffer>('frames', { request }),
    cover: (cover) => invoke<boolean>('cover', { cover }),
    onPaneSize: (callback) =>
      listen<PaneSize>('pane-size', ({ payload }) => {
        callback(payload);
      }),
  };
}
