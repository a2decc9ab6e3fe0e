import { invoke } from '@tauri-apps/api/core';
import { listen } from '@tauri-apps/api/event';
import type { View } from '../generated/bindings';
import type { Backend } from './backend';

/** The application behind the window. */
export function openBackend(): Backend {
  return {
    view: () => invoke<View>('view'),
    onView: (callback) =>
      listen<View>('view', (event) => {
        callback(event.payload);
      }),
    dispatch: async (command) => {
      await invoke('dispatch', { command });
    },
    frames: (request) => invoke<ArrayBuffer>('frames', { request }),
  };
}
