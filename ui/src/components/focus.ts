import { tick } from 'svelte';

/** Puts the focus on the first field that is wrong, after the page shows it. */
export function focusFirstError(form: HTMLElement): void {
  void tick().then(() => {
    form.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  });
}
