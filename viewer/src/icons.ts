/** Line icons on a grid of 24, drawn for this page. */

const PATHS = {
  upload: ["M12 16V4", "M7 9l5-5 5 5", "M4 16v3a1 1 0 0 0 1 1h14a1 1 0 0 0 1-1v-3"],
  play: ["M8 5l11 7-11 7z"],
  folder: ["M3 7a1 1 0 0 1 1-1h5l2 2h9a1 1 0 0 1 1 1v9a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1z"],
  file: ["M6 3h8l4 4v14H6z", "M14 3v4h4"],
  network: ["M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z", "M3 12h18", "M12 3c3 3 3 15 0 18", "M12 3c-3 3-3 15 0 18"],
  search: ["M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14z", "M16 16l5 5"],
  trash: ["M4 7h16", "M9 7V4h6v3", "M6 7l1 13h10l1-13"],
  retry: ["M4 12a8 8 0 1 0 3-6.200", "M4 4v4h4"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  back: ["M15 5l-7 7 7 7"],
  open: ["M9 5l7 7-7 7"],
  check: ["M5 12.500l4.500 4.500L19 7.500"],
  warning: ["M12 4l9 16H3z", "M12 10v4.500", "M12 17.200v.3"],
  clock: ["M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17z", "M12 8v4.500l3 2"],
  move: ["M12 3v18", "M3 12h18", "M9 6l3-3 3 3", "M9 18l3 3 3-3", "M6 9l-3 3 3 3", "M18 9l3 3-3 3"],
  contrast: ["M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z", "M12 4v16", "M12 8l6.500 0", "M12 12h8", "M12 16h6.500"],
  ruler: ["M3 15L15 3l6 6L9 21z", "M7 11l2 2", "M10 8l3 3", "M13 5l2 2"],
  brush: ["M20 4c-5 2-9 6-10.500 9.500", "M20 4c-2 5-6 9-9.500 10.500", "M9 14c-3 0-3.500 2-3.500 3.500S4.500 20 3.500 20c4 1 8 0 7.500-4"],
  eraser: ["M8 20h12", "M4.500 15.500L14 6l6 6-7.500 8H8.500z", "M9.500 10.500l6 6"],
  fill: ["M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z", "M8 12h8", "M12 8v8"],
  remove: ["M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z", "M9 9l6 6", "M15 9l-6 6"],
  layers: ["M12 3l9 5-9 5-9-5z", "M3 12l9 5 9-5", "M3 16l9 5 9-5"],
  send: ["M4 12l16-8-6 16-3-7z", "M11 13l9-9"],
  link: ["M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1", "M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1"],
  compare: ["M4 5h7v14H4z", "M13 5h7v14h-7z"],
  undo: ["M8 5L4 9l4 4", "M4 9h10a6 6 0 0 1 0 12h-3"],
  redo: ["M16 5l4 4-4 4", "M20 9H10a6 6 0 0 0 0 12h3"],
  save: ["M5 4h11l3 3v13H5z", "M8 4v5h7V4", "M8 20v-6h8v6"],
  download: ["M12 4v11", "M7 10.500l5 5 5-5", "M4 20h16"],
  keyboard: ["M3 7h18v11H3z", "M7 11h.5", "M11 11h.5", "M15 11h.5", "M8 15h8"],
  moon: ["M19 14.500A8 8 0 0 1 9.500 5 8 8 0 1 0 19 14.500z"],
  sun: ["M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z", "M12 2.500v2", "M12 19.500v2", "M2.500 12h2", "M19.500 12h2", "M5.500 5.500l1.300 1.300", "M17.200 17.200l1.300 1.300", "M5.500 18.500l1.300-1.300", "M17.200 6.800l1.300-1.300"],
  system: ["M4 5h16v11H4z", "M9 20h6", "M12 16v4"],
  pulse: ["M3 12h4l3-7 4 14 3-7h4"],
  target: ["M12 5a7 7 0 1 0 0 14 7 7 0 0 0 0-14z", "M12 2v5", "M12 17v5", "M2 12h5", "M17 12h5"],
  info: ["M12 3.500a8.500 8.500 0 1 0 0 17 8.500 8.500 0 0 0 0-17z", "M12 11v5.500", "M12 7.500v.3"],
} as const;

export type IconName = keyof typeof PATHS;
const SVG = "http://www.w3.org/2000/svg";

export function icon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  for (const line of PATHS[name]) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", line);
    svg.append(path);
  }
  return svg;
}
