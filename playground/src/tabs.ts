/** Makes a tablist work: a click, or the arrow keys, Home and End, choose a tab. */
export function tabs(list: HTMLElement, choose: (tab: HTMLElement) => void): void {
  list.addEventListener("click", ({ target }) => {
    const tab = (target as Element).closest<HTMLElement>("[role=tab]");
    if (tab) choose(tab);
  });
  list.addEventListener("keydown", (event) => {
    // With these, the keys are the browser's: Alt and an arrow go back.
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const all = [...list.querySelectorAll<HTMLElement>("[role=tab]")];
    const now = all.indexOf(document.activeElement as HTMLElement);
    const last = all.length - 1;
    const next = {
      ArrowRight: now === last ? 0 : now + 1,
      ArrowLeft: now <= 0 ? last : now - 1,
      Home: 0,
      End: last,
    }[event.key];
    const tab = next === undefined ? undefined : all[next];
    if (!tab) return;
    event.preventDefault();
    choose(tab);
    list.querySelector<HTMLElement>("[aria-selected=true]")?.focus();
  });
}

/** Marks one tab of a list as chosen; the others leave the order of the Tab key. */
export function select(list: HTMLElement, chosen: HTMLElement): void {
  for (const tab of list.querySelectorAll<HTMLElement>("[role=tab]")) {
    tab.setAttribute("aria-selected", String(tab === chosen));
    tab.tabIndex = tab === chosen ? 0 : -1;
  }
}
