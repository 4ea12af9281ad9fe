// How versions are called where people see them.
// Does not: import `vscode`.

import { Version } from "./history";

/** A moment as a short age: `3m`, `2h`, `5d`. */
export function age(time: string, now = Date.now()): string {
  const passed = Math.max(0, Math.floor((now - Date.parse(time)) / 1000));
  for (const [seconds, unit] of [[86400, "d"], [3600, "h"], [60, "m"]] as const) {
    if (passed >= seconds) {
      return `${Math.floor(passed / seconds)}${unit}`;
    }
  }
  return `${passed}s`;
}

export function label(version: Version): string {
  const what = version.state.type === "absent" ? "deleted" : version.renamed_from ? "renamed" : version.kind;
  return `#${version.operation} ${what}`;
}

export function who(version: Version): string {
  return version.session ? `${version.author} ${version.session.slice(0, 8)}` : version.author;
}

export function details(version: Version): string {
  const size = version.state.type === "file" ? `${version.state.size ?? "?"} bytes` : version.state.type;
  const lines = [`Operation ${version.operation}, ${version.kind}`, version.time, `by ${who(version)}`, size];
  return [...lines, ...(version.turn ? [`turn ${version.turn}`] : []), version.name].join("\n");
}

/** What can be done with a version: `gone` has no content to be opened. */
export function context(version: Version): "version" | "gone" {
  return version.state.type === "file" || version.state.type === "symlink" ? "version" : "gone";
}
