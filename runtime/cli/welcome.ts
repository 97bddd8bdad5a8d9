/** What a plain start says to whoever started it: three things to try. */

interface Welcome {
  readonly version: string;
  /** The address of the embedded API server. */
  readonly server: string;
  /** Undefined: it could not be written anywhere. */
  readonly kubeconfig: string | undefined;
  /** The folder, as it is called from here. */
  readonly functions: string;
  /** Base URLs; undefined: off. */
  readonly health: string;
  readonly status: string | undefined;
  readonly metrics: string | undefined;
}

export function welcomeText({ version, server, kubeconfig, functions, health, status, metrics }: Welcome): string {
  const without = "(no kubeconfig: neither .evenkeel/ here nor TMPDIR can be written)";
  const kubectl =
    kubeconfig === undefined
      ? `kubectl --kubeconfig /dev/null -s ${server} get configmaps -A   ${without}`
      : `export KUBECONFIG=${shellWord(kubeconfig)}; kubectl get configmaps -A`;
  const look = [status ?? `${health}/readyz?verbose`, ...(metrics === undefined ? [] : [metrics])];
  return `
evenkeel ${version} works on an embedded API server at ${server}. Three things to try next:

  kubectl    ${kubectl}
  status     ${look.join("   ")}
  functions  drop a file into ${functions}/, or change one: it is loaded at once

`;
}

/** Quoted where a shell would take it for more than one word, or for something else. */
function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
