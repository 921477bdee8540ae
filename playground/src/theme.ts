import { byId, el } from "./dom.js";
import { read, write } from "./store.js";

const themes = ["system", "light", "dark"] as const;

/** The button that goes through the themes; the choice is kept. */
export function offerThemes(): void {
  const button = byId("theme");
  const apply = (theme: string) => {
    document.documentElement.dataset.theme = theme;
    button.replaceChildren(el("span", {}, "Theme: "), theme);
  };
  let now = Math.max(0, themes.indexOf(read("localStorage", "theme") as (typeof themes)[number]));
  apply(themes[now] ?? "system");
  button.addEventListener("click", () => {
    now = (now + 1) % themes.length;
    const theme = themes[now] ?? "system";
    write("localStorage", "theme", theme);
    apply(theme);
  });
}
