/** What `--help` prints. */
import { flags, type Flag } from "./flag-table.ts";

export function helpText(): string {
  const rows = flags.map((flag) => ({ synopsis: synopsis(flag), variable: flag.variable ?? "", says: flag.says }));
  const width = Math.max(...rows.map((row) => row.synopsis.length));
  const variableWidth = Math.max(...rows.map((row) => row.variable.length));
  const lines = rows.map(
    (row) => `  ${row.synopsis.padEnd(width)}  ${row.variable.padEnd(variableWidth)}  ${row.says}`,
  );
  return `Usage: npm start -- [flags]

Runs the functions of a folder against a Kubernetes API server:

  npm start                                           an embedded one on loopback; no cluster is touched
  npm start -- --context staging                      that context of your kubeconfig
  npm start -- --config /etc/evenkeel/evenkeel.yaml   in a pod: the cluster it runs in, by its ServiceAccount

Flags, and the variables that stand in for them (a flag wins):

${lines.join("\n")}
`;
}

function synopsis({ flag, short, value, variable }: Flag): string {
  const isSwitch = value === undefined && variable !== undefined;
  const name = isSwitch ? flag.replace("--", "--[no-]") : flag;
  const all = short === undefined || flag === `-${short}` ? name : `-${short}, ${name}`;
  return value === undefined ? all : `${all} ${value}`;
}
