/** Files from a drop or a picker, each with its path below what was dropped. */

export interface Picked {
  file: File;
  /** With "/" between folders. */
  path: string;
}

/** What systems leave in folders and no reader wants. */
const CLUTTER = /(^|\/)(\.[^/]*|__MACOSX(\/.*)?|Thumbs\.db|desktop\.ini)$/i;

export function isClutter(path: string): boolean {
  return CLUTTER.test(path);
}

export function fromPicker(files: FileList): Picked[] {
  return Array.from(files, (file) => ({ file, path: file.webkitRelativePath || file.name })).filter(
    ({ path }) => !isClutter(path),
  );
}

/** Entries must be taken while the event lasts; their files come later. */
export function entriesOf(transfer: DataTransfer): (FileSystemEntry | File)[] {
  return Array.from(transfer.items)
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry() ?? item.getAsFile())
    .filter((entry) => entry !== null);
}

/**
 * All files below what was dropped.
 *
 * @param most stops there: a folder dropped by mistake may hold a whole disk.
 */
export async function filesBelow(entries: (FileSystemEntry | File)[], most: number): Promise<Picked[]> {
  const found: Picked[] = [];
  const waiting = [...entries];
  while (waiting.length && found.length <= most) {
    const entry = waiting.shift()!;
    if (entry instanceof File) {
      found.push({ file: entry, path: entry.name });
      continue;
    }
    const path = entry.fullPath.replace(/^\/+/, "");
    if (isClutter(path)) continue;
    if (entry.isDirectory) {
      waiting.push(...(await children(entry as FileSystemDirectoryEntry)));
    } else {
      found.push({ file: await fileOf(entry as FileSystemFileEntry), path });
    }
  }
  return found;
}

/** A reader gives a hundred entries at a time, and none at the end. */
async function children(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return all;
    all.push(...some);
  }
}

function fileOf(entry: FileSystemFileEntry): Promise<File> {
  return new Promise((done, failed) => entry.file(done, failed));
}

/** What an upload is called: its file, or the folder that all of it lies in. */
export function uploadName(files: Picked[]): string {
  const first = files[0];
  if (!first) return "nothing";
  if (files.length === 1) return first.file.name;
  const tops = new Set(files.map(({ path }) => (path.includes("/") ? path.slice(0, path.indexOf("/")) : path)));
  const top = first.path.split("/")[0] ?? first.path;
  return tops.size === 1 ? top : `${top} and ${tops.size - 1} more`;
}
