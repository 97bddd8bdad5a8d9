/** A SharedInformer over a fake cluster, in virtual time, with all that it told. */
import { SharedInformer, type InformerReport } from "../../../runtime/cache/informer.ts";
import type { Change } from "../../../runtime/cache/store.ts";
import type { Api } from "../../../runtime/kube/api.ts";
import { ConfigMap } from "../../../runtime/kube/kind.ts";
import { select, type Where } from "../../../runtime/kube/query.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

export class InformerRig {
  readonly clock: VirtualClock;
  readonly informer: SharedInformer;
  readonly reports: InformerReport[] = [];
  readonly changes: Change[] = [];

  constructor(api: Api, where: Where = {}, clock: VirtualClock = new VirtualClock({ seed: 11 })) {
    this.clock = clock;
    const report = (report: InformerReport): void => void this.reports.push(report);
    this.informer = new SharedInformer({ api, clock, query: select(ConfigMap, where), report });
    this.informer.onChange((change) => void this.changes.push(change));
    this.informer.start();
  }

  /** How often the informer reported this. */
  count(type: InformerReport["type"]): number {
    return this.reports.filter((report) => report.type === type).length;
  }
}
