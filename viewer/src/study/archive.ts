/** Sending a version's DICOM results to an archive, where the service has one. */

import { sendResults, type StudyDetail } from "../api";
import { confirmed } from "../dialogs";
import { h } from "../dom";
import { icon } from "../icons";
import { tell, tellError } from "../messages";
import { countText } from "../wording";

/** Nothing where the service has no archive, or the study no DICOM results. */
export function sendingPart(study: StudyDetail, revision: number, destinations: readonly string[]): HTMLElement[] {
  const files = study.files.filter(({ name }) => name.endsWith(".dcm"));
  if (!destinations.length || !files.length) return [];
  const buttons = destinations.map((destination) => {
    const button = h("button", { type: "button", class: "button", on: { click: () => void send(destination, button) } }, icon("send"), `Send to ${destination}`);
    return button;
  });
  return [h("section", { class: "sending", "aria-label": "Archive" }, h("h2", {}, "Archive"), ...buttons)];

  async function send(destination: string, button: HTMLButtonElement): Promise<void> {
    const sure = await confirmed({
      title: `Send version ${revision} to ${destination}?`,
      text: `${files.map(({ title }) => title).join(", ")}. They carry the patient's name and identifiers as the images do, and are marked as results of research software.`,
      action: "Send",
    });
    if (!sure) return;
    button.disabled = true;
    button.setAttribute("aria-busy", "true");
    try {
      const { sent, unsent } = await sendResults(study.id, revision, destination);
      const reasons = unsent.map(({ name, reason }) => `${name}: ${reason}`).join("; ");
      if (unsent.length) tell(`${destination} stored ${sent} of ${countText(sent + unsent.length, "object")}. ${reasons}`, "error");
      else tell(`${destination} has stored ${countText(sent, "object")}.`);
    } catch (error) {
      tellError(error);
    }
    button.disabled = false;
    button.removeAttribute("aria-busy");
  }
}
