import { byId, el } from "./dom.js";

const themes = ["system", "light", "dark"] as const;

/** The button that goes through the themes; the choice is kept. */
export function offerThemes(): void {
  const button = byId("theme");
  const apply = (theme: string) => {
    document.documentElement.dataset.theme = theme;
    button.replaceChildren(el("span", {}, "Theme: "), theme);
  };
  let now = Math.max(0, themes.indexOf(localStorage.getItem("theme") as (typeof themes)[number]));
  apply(themes[now] ?? "system");
  button.addEventListener("click", () => {
    now = (now + 1) % themes.length;
    const theme = themes[now] ?? "system";
    localStorage.setItem("theme", theme);
    apply(theme);
  });
}
