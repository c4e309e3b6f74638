/** The page: its frame, and which screen is in it. */

import "./styles/main.css";
import { getAbout, type About } from "./api";
import { compareScreen } from "./compare/screen";
import { showKeys, type Keys } from "./dialogs";
import { h, replaceChildren, setText, takesKeys } from "./dom";
import { icon } from "./icons";
import { messages, tellError } from "./messages";
import type { Screen } from "./screen";
import { studyScreen } from "./study/screen";
import { applyTheme, chosenTheme, nextTheme, type Theme } from "./theme";
import { workListScreen } from "./worklist/screen";

const NOTICE = "Research use only. Not a medical device; not for diagnosis or treatment.";
const THEMES: Record<Theme, ["moon" | "sun" | "system", string]> = {
  dark: ["moon", "Dark"],
  light: ["sun", "Light"],
  system: ["system", "As the device"],
};

applyTheme();
const about: Promise<About> = getAbout();
about.then(({ version, notice }) => {
  setText(versionText, version);
  setText(noticeText, notice);
}, tellError);

const main = h("main", { id: "main", tabindex: -1 });
const barPlace = h("div", { class: "bar-place" });
const noticeText = h("strong", {}, NOTICE);
const versionText = h("span", {});
const themeButton = h("button", { type: "button", class: "icon-button", on: { click: () => showTheme(nextTheme()) } });

function showTheme(theme: Theme): void {
  const [name, words] = THEMES[theme];
  replaceChildren(themeButton, icon(name));
  themeButton.setAttribute("aria-label", `Colors: ${words}`);
  themeButton.title = `Colors: ${words}`;
}
showTheme(chosenTheme());

document.body.append(
  h("a", { class: "skip", href: "#main", on: { click: (event: Event) => { event.preventDefault(); main.focus(); } } }, "To the content"),
  h(
    "header",
    { class: "topbar" },
    h("a", { class: "brand", href: "#/", "aria-label": "Tumorscope: work list" }, brandMark(), h("span", {}, "Tumorscope")),
    barPlace,
    h(
      "nav",
      { class: "topbar-end", "aria-label": "Page" },
      h("button", { type: "button", class: "icon-button", "aria-label": "Keys and help", title: "Keys and help (?)", on: { click: help } }, icon("keyboard")),
      themeButton,
    ),
  ),
  main,
  h("footer", { class: "notice" }, icon("warning"), noticeText),
  messages,
);

function brandMark(): SVGSVGElement {
  const mark = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  mark.setAttribute("viewBox", "0 0 32 32");
  mark.setAttribute("class", "mark");
  mark.setAttribute("aria-hidden", "true");
  const head = document.createElementNS(mark.namespaceURI, "path");
  head.setAttribute("d", "M16 4c6.500 0 10 4.800 10 11.200S22 27.500 16 27.500 6 21.600 6 15.200 9.500 4 16 4z");
  const lesion = document.createElementNS(mark.namespaceURI, "circle");
  for (const [name, value] of [["cx", "19.500"], ["cy", "13.500"], ["r", "4"]] as const) lesion.setAttribute(name, value);
  mark.append(head, lesion);
  return mark;
}

const EVERYWHERE: Keys = { title: "Everywhere", keys: [[["?"], "this sheet"], [["g"], "to the work list"], [["Esc"], "close, or back"]] };

function help(): void {
  showKeys(screen ? [...screen.keys, EVERYWHERE] : [EVERYWHERE], [
    h("p", {}, noticeText.textContent),
    h(
      "p",
      {},
      "Tumorscope ",
      versionText.textContent,
      " · ",
      h("a", { href: "docs", target: "_blank", rel: "noopener" }, "interface for programs"),
      " · ",
      h("a", { href: "assets/licenses.txt", target: "_blank", rel: "noopener" }, "licenses of what the page contains"),
    ),
  ]);
}

let screen: Screen | undefined;
let address = "";
let turning = false;

async function route(): Promise<void> {
  if (turning || location.hash === address) return;
  turning = true;
  try {
    if (screen?.mayLeave && !(await screen.mayLeave())) {
      history.replaceState(null, "", address || "#/");
      return;
    }
  } finally {
    turning = false;
  }
  address = location.hash;
  screen?.destroy();
  const study = /^#\/studies\/([A-Za-z0-9_-]+)$/.exec(address)?.[1];
  const [, first, second] = /^#\/compare\/([A-Za-z0-9_-]+)\/([A-Za-z0-9_-]+)$/.exec(address) ?? [];
  screen = study ? studyScreen(study, about) : first && second ? compareScreen(first, second) : workListScreen(about);
  replaceChildren(main, screen.element);
  replaceChildren(barPlace, ...(screen.bar ?? []));
  document.title = screen.title;
  document.body.dataset["screen"] = study ? "study" : first ? "compare" : "list";
  main.focus({ preventScroll: true });
  screen.shown?.();
}

addEventListener("hashchange", () => void route());
addEventListener("keydown", (event) => {
  if (event.defaultPrevented || takesKeys(event.target)) return;
  if (event.key === "Escape" && document.querySelector(":popover-open")) return; // it closes the explanation alone
  if (screen?.onKey(event)) {
    event.preventDefault();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "?") {
    event.preventDefault();
    help();
  } else if (event.key === "g") {
    location.hash = "#/";
  }
});
// A file dropped beside the drop zone must not replace the page.
for (const name of ["dragover", "drop"] as const) addEventListener(name, (event) => event.preventDefault());

if (!location.hash) history.replaceState(null, "", "#/");
void route();
