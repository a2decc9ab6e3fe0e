/** Chooses the colours by what the system prefers, now and whenever that changes. */
export function followTheme(root: HTMLElement): void {
  const dark = matchMedia('(prefers-color-scheme: dark)');
  const contrast = matchMedia('(prefers-contrast: more)');
  const apply = (): void => {
    const ground = dark.matches ? 'dark' : 'light';
    root.dataset['theme'] = contrast.matches ? `hc-${ground}` : ground;
  };
  dark.addEventListener('change', apply);
  contrast.addEventListener('change', apply);
  apply();
}
