/** The page before a file is there: what it does, what it does not, where to drop. */

import { h } from "../../../viewer/src/dom";
import { icon } from "../../../viewer/src/icons";

export interface WelcomeActions {
  choose(): void;
  example(): void;
}

export function welcome({ choose, example }: WelcomeActions): HTMLElement {
  return h(
    "div",
    { class: "welcome" },
    h(
      "div",
      { class: "drop" },
      icon("upload"),
      h("h1", {}, "Drop an MRI slice or scan of a head"),
      h("p", {}, "PNG, JPEG, TIFF or NIfTI (.nii, .nii.gz). T1 with contrast agent suits the network best."),
      h(
        "div",
        { class: "buttons" },
        h("button", { type: "button", class: "button primary", on: { click: choose } }, "Choose a file"),
        h("button", { type: "button", class: "button", on: { click: example } }, "Try the example"),
      ),
      h("p", { class: "small" }, "The example is a phantom: a drawn head with a drawn tumor."),
    ),
    h(
      "div",
      { class: "facts" },
      fact("Nothing is uploaded", "The network runs in this tab. The page's security policy forbids it to connect to anything but its own files, and it works without network once it is loaded."),
      fact("What you get", "The probability of a tumor, its contour and area, its likeliest type or why none is named, and the places that speak for the type."),
      fact("What it cannot do", "It reads one sequence at a time, no DICOM, and measures no diameters. It was trained on glioma, meningioma and pituitary tumors; others are missed or misnamed."),
    ),
  );
}

function fact(title: string, text: string): HTMLElement {
  return h("section", { class: "fact" }, h("h2", {}, title), h("p", {}, text));
}
