/** Dark, unless somebody chooses otherwise; "system" follows the device. */

export type Theme = "dark" | "light" | "system";

const KEY = "tumorscope.theme";
const ORDER: Theme[] = ["dark", "light", "system"];
const light = matchMedia("(prefers-color-scheme: light)");

export function chosenTheme(): Theme {
  try {
    const kept = localStorage.getItem(KEY);
    return ORDER.find((theme) => theme === kept) ?? "dark";
  } catch {
    return "dark"; // storage may be forbidden
  }
}

export function applyTheme(theme: Theme = chosenTheme()): void {
  const bright = theme === "light" || (theme === "system" && light.matches);
  document.documentElement.dataset["theme"] = bright ? "light" : "dark";
}

export function nextTheme(): Theme {
  const theme = ORDER[(ORDER.indexOf(chosenTheme()) + 1) % ORDER.length] ?? "dark";
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // then it holds until the page is left
  }
  applyTheme(theme);
  return theme;
}

// Browsers leave out dark backgrounds on paper, where light text would be lost.
addEventListener("beforeprint", () => {
  document.documentElement.dataset["theme"] = "light";
});
addEventListener("afterprint", () => applyTheme());
light.addEventListener("change", () => applyTheme());
