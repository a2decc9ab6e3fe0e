import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

/** The window's build talks to Tauri; `--mode fake` builds the same page over an acted backend. */
export default defineConfig(({ mode }) => {
  const fake = mode === 'fake' || mode === 'test';
  const backend = fake ? 'fake' : 'tauri';
  return {
    base: './',
    plugins: [svelte()],
    resolve: {
      alias: {
        '$chosen-backend': fileURLToPath(new URL(`./src/backend/${backend}.ts`, import.meta.url)),
      },
    },
    server: { port: 5180, strictPort: true },
    build: {
      outDir: fake ? 'dist-fake' : 'dist',
      // The oldest web views: WebKitGTK 2.40, Safari 16, Edge 109.
      target: ['safari16', 'chrome109'],
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      reportCompressedSize: false,
    },
  };
});
