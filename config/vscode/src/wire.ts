// How names and contents travel: a string where they are UTF-8, `{ base64 }` where they are not.
// Does not: know methods.

/** A name or a content in an answer. */
export type Wire = string | { base64: string };

export function toBytes(value: Wire): Buffer {
  return typeof value === "string" ? Buffer.from(value, "utf8") : Buffer.from(value.base64, "base64");
}

/** For people: bytes that are not UTF-8 are shown as such. */
export function toText(value: Wire): string {
  return typeof value === "string" ? value : toBytes(value).toString("utf8");
}

/** Whether a content is shown as text: no NUL in its first part, and UTF-8 all through. */
export function isText(bytes: Buffer): boolean {
  if (bytes.subarray(0, 8192).includes(0)) {
    return false;
  }
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return true;
  } catch {
    return false;
  }
}
