/** The service's HTTP interface, as far as the page uses it. */

import type { Analysis, Note } from "./analysis";

export type State = "fetching" | "queued" | "analyzing" | "done" | "failed";

export interface Summary {
  input_rejected: Note | null;
  tumor_present: boolean | null;
  tumor_probability: number | null;
  tumor_type: string | null;
  volume_mm3: number | null;
  lesions: number;
  slices: number;
  sequences: string[];
  patient_key: string | null;
  study_date: string | null;
}

export interface Study {
  id: string;
  name: string;
  state: State;
  progress: { stage: string | null; done: number; total: number };
  /** While it waits: how many studies are worked on or come before it. */
  ahead: number | null;
  failure: string | null;
  bundle: string;
  created: string;
  changed: string;
  expires: string | null;
  revision: number;
  summary: Summary | null;
}

/** What users state about files that do not say it themselves. */
export interface Reading {
  /** Whether the series are aligned to each other. */
  register: boolean;
  /** Distances of columns, rows and slices in mm. */
  spacing: number[] | null;
  /** By the name of a file or folder, or of a DICOM series. */
  sequences: Record<string, string>;
}

export interface StudyDetail extends Study {
  reading: Reading;
  revisions: { revision: number; kind: "analysis" | "edit"; created: string }[];
  images: Image[];
  files: ResultFile[];
}

export interface Image {
  name: string;
  href: string;
}

export interface ResultFile {
  name: string;
  title: string;
  bytes: number;
  href: string;
}

export interface StudyPage {
  studies: Study[];
  next: string | null;
  total: number;
}

export interface Bundle {
  name: string;
  title: string;
  sequences: string[];
}

export interface About {
  version: string;
  notice: string;
  keep_days: number | null;
  upload_bytes: number;
  upload_files: number;
  /** What this installation reads. */
  formats: { name: string; title: string; suffixes: string[] }[];
  /** Archives that take DICOM results. */
  destinations: string[];
  /** Whether it makes a scan to try. */
  demo: boolean;
}

export interface Taken {
  studies: Study[];
  left_out: { name: string; reason: string }[];
}

/** A refusal in the service's own words, or what kept the request from it. */
export class ApiError extends Error {
  constructor(
    /** Of HTTP; 0 where no response came. */
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

/** Whether asking again later may help: no response came, or the service itself failed. */
export function isOutage(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 500);
}

const NO_RESPONSE = "The service does not respond. Is it still running?";

export function isBusy(study: Study): boolean {
  return study.state !== "done" && study.state !== "failed";
}

export function detailOf(text: string, status: number): string {
  try {
    const detail: unknown = (JSON.parse(text) as { detail?: unknown }).detail;
    if (typeof detail === "string" && detail) return detail;
  } catch {
    // a proxy's page, for instance
  }
  return status === 413 ? "Too much for one upload." : `The service responded ${status}.`;
}

async function ask(address: string, options: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(address, { credentials: "same-origin", ...options });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError(0, NO_RESPONSE);
  }
  if (!response.ok) throw new ApiError(response.status, detailOf(await response.text(), response.status));
  return response;
}

async function askJson<T>(address: string, options?: RequestInit): Promise<T> {
  return (await (await ask(address, options)).json()) as T;
}

// Addresses are named from the page, which a proxy may show below a path.
export const STUDIES = "api/studies";

const at = (id: string, rest = ""): string => `${STUDIES}/${encodeURIComponent(id)}${rest}`;

export const getAbout = (): Promise<About> => askJson("api/about");

export const getBundles = async (): Promise<Bundle[]> =>
  (await askJson<{ bundles: Bundle[] }>("api/bundles")).bundles;

export function listStudies(
  wanted: { search: string; states: State[]; limit: number; after?: string | null },
  signal?: AbortSignal,
): Promise<StudyPage> {
  const query = new URLSearchParams({ limit: String(wanted.limit) });
  if (wanted.search) query.set("search", wanted.search);
  for (const state of wanted.states) query.append("state", state);
  if (wanted.after) query.set("after", wanted.after);
  return askJson(`${STUDIES}?${query}`, signal ? { signal } : {});
}

/** Where all matching studies are as a table. */
export function tableAddress(wanted: { search: string; states: State[] }): string {
  const query = new URLSearchParams(wanted.states.map((state) => ["state", state]));
  if (wanted.search) query.set("search", wanted.search);
  return `${STUDIES}.csv${query.size ? `?${query}` : ""}`;
}

export const getStudy = (id: string): Promise<StudyDetail> => askJson(at(id));

export const getAnalysis = (id: string, revision: number): Promise<Analysis> =>
  askJson(at(id, `/analysis?revision=${revision}`));

/** @param reading replaces what is stated about its files; without it that stays. */
export const retryStudy = (id: string, reading?: Reading): Promise<Study> =>
  askJson(at(id, "/retry"), { method: "POST", ...(reading && { headers: { "content-type": "application/json" }, body: JSON.stringify(reading) }) });

export const deleteStudy = async (id: string): Promise<void> => {
  await ask(at(id), { method: "DELETE" });
};

export const createDemo = (): Promise<Study> => askJson("api/demo", { method: "POST" });

export const fetchByDicomweb = (address: string, bundle: string, register: boolean): Promise<Taken> =>
  askJson(STUDIES, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ dicomweb: address, bundle, register }),
  });

export interface SentResults {
  destination: string;
  sent: number;
  unsent: { name: string; reason: string }[];
}

export const sendResults = (id: string, revision: number, destination: string): Promise<SentResults> =>
  askJson(at(id, "/send"), { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ destination, revision }) });

/** Saves a corrected mask as a new version, which keeps the rulers (as `rulersText` writes them). */
export const saveMask = (id: string, revision: number, mask: Blob, rulers: string): Promise<Study> =>
  askJson(at(id, "/mask"), {
    method: "PUT",
    headers: { "content-type": "application/gzip", "if-match": `"${revision}"`, rulers },
    body: mask,
  });

/** The same file of another revision, named from the page: the service need not know below which path it is shown. */
export function ofRevision(href: string, revision: number): string {
  const address = new URL(href, "http://here");
  address.searchParams.set("revision", String(revision));
  return address.pathname.slice(address.pathname.lastIndexOf(`/${STUDIES}/`) + 1) + address.search;
}

/** Where a study's images of a revision are; sequences never change, so the first revision's stay in the cache. */
export function imagesOf(study: StudyDetail, revision: number): Image[] {
  return study.images.map(({ name, href }) => ({
    name,
    href: ofRevision(href, name === "mask" || name === "activation" ? revision : 1),
  }));
}

/**
 * Follow a study until it is done or failed.
 *
 * Events are used where they arrive; where they do not, the study is polled.
 *
 * @param away is told that the service does not respond; it is asked again until it does, and then `told` is called.
 */
export function follow(id: string, told: (study: Study) => void, lost: (error: ApiError) => void, away: () => void): () => void {
  let over = false;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const events = new EventSource(at(id, "/events"));

  const stop = (): void => {
    over = true;
    events.close();
    clearTimeout(timer);
  };
  const tell = (study: Study): void => {
    if (over) return;
    if (!isBusy(study)) stop();
    told(study);
  };
  const poll = async (): Promise<void> => {
    if (over) return;
    try {
      tell(await getStudy(id));
    } catch (error) {
      if (over) return;
      if (error instanceof ApiError && !isOutage(error)) {
        stop();
        lost(error);
        return;
      }
      away();
    }
    if (!over) timer = setTimeout(() => void poll(), 2000);
  };
  events.addEventListener("study", (event) => tell(JSON.parse((event as MessageEvent<string>).data) as Study));
  events.addEventListener("error", () => {
    events.close();
    if (!over && timer === undefined) void poll();
  });
  return stop;
}
