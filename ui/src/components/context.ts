import { createContext } from 'svelte';
import type { App } from '../state/app';

/** The application, for every component below the root. */
export const [useApp, provideApp] = createContext<App>();
