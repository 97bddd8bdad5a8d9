/** Field numbers of the kinds that kubectl sends as protobuf. Source: k8s.io/api generated.proto of each group. */
import {
  CONFIG_MAP_CONTENT,
  list,
  map,
  message,
  one,
  SECRET_CONTENT,
  SENT_METADATA as METADATA,
} from "../../kube/protobuf-messages.ts";
import type { Message } from "../../kube/protobuf.ts";

const NAMESPACE: Message = {
  1: METADATA,
  2: message("spec", { 1: list("finalizers", "string") }),
  3: message("status", { 1: one("phase", "string") }),
};

const CONFIG_MAP: Message = { 1: METADATA, ...CONFIG_MAP_CONTENT };

const SECRET: Message = { 1: METADATA, ...SECRET_CONTENT };

const SERVICE_ACCOUNT: Message = {
  1: METADATA,
  2: list("secrets", { message: { 3: one("name", "string") } }),
  3: list("imagePullSecrets", { message: { 1: one("name", "string") } }),
  4: one("automountServiceAccountToken", "bool?"),
};

const CONTAINER: Message = {
  1: one("name", "string"),
  2: one("image", "string"),
  3: list("command", "string"),
  4: list("args", "string"),
  5: one("workingDir", "string"),
  6: list("ports", {
    message: {
      1: one("name", "string"),
      2: one("hostPort", "int"),
      3: one("containerPort", "int"),
      4: one("protocol", "string"),
      5: one("hostIP", "string"),
    },
  }),
  7: list("env", { message: { 1: one("name", "string"), 2: one("value", "string") } }),
  8: message("resources", {}),
  13: one("terminationMessagePath", "string"),
  14: one("imagePullPolicy", "string"),
  16: one("stdin", "bool"),
  17: one("stdinOnce", "bool"),
  18: one("tty", "bool"),
  20: one("terminationMessagePolicy", "string"),
};

/** What `kubectl create deployment` fills in; a whole pod is sent as JSON. */
const POD_SPEC: Message = {
  2: list("containers", { message: CONTAINER }),
  3: one("restartPolicy", "string"),
  4: one("terminationGracePeriodSeconds", "int?"),
  6: one("dnsPolicy", "string"),
  7: map("nodeSelector", "string"),
  8: one("serviceAccountName", "string"),
  9: one("serviceAccount", "string"),
  10: one("nodeName", "string"),
  11: one("hostNetwork", "bool"),
  12: one("hostPID", "bool"),
  13: one("hostIPC", "bool"),
  16: one("hostname", "string"),
  17: one("subdomain", "string"),
  19: one("schedulerName", "string"),
  24: one("priorityClassName", "string"),
};

const DEPLOYMENT: Message = {
  1: METADATA,
  2: message("spec", {
    1: one("replicas", "int?"),
    2: message("selector", { 1: map("matchLabels", "string") }),
    3: message("template", { 1: METADATA, 2: message("spec", POD_SPEC) }),
    4: message("strategy", { 1: one("type", "string") }),
    5: one("minReadySeconds", "int"),
    6: one("revisionHistoryLimit", "int?"),
    7: one("paused", "bool"),
    9: one("progressDeadlineSeconds", "int?"),
  }),
  3: message("status", {
    1: one("observedGeneration", "int"),
    2: one("replicas", "int"),
    3: one("updatedReplicas", "int"),
    4: one("availableReplicas", "int"),
    5: one("unavailableReplicas", "int"),
    7: one("readyReplicas", "int"),
  }),
};

const USER_INFO: Message = { 1: one("username", "string"), 2: one("uid", "string"), 3: list("groups", "string") };

const SELF_SUBJECT_REVIEW: Message = { 1: METADATA, 2: message("status", { 1: message("userInfo", USER_INFO) }) };

const SELF_SUBJECT_ACCESS_REVIEW: Message = {
  1: METADATA,
  2: message("spec", {
    1: message("resourceAttributes", {
      1: one("namespace", "string"),
      2: one("verb", "string"),
      3: one("group", "string"),
      4: one("version", "string"),
      5: one("resource", "string"),
      6: one("subresource", "string"),
      7: one("name", "string"),
    }),
    2: message("nonResourceAttributes", { 1: one("path", "string"), 2: one("verb", "string") }),
  }),
  3: message("status", {
    1: one("allowed", "bool"),
    2: one("reason", "string"),
    3: one("evaluationError", "string"),
    4: one("denied", "bool"),
  }),
};

const SELF_SUBJECT_RULES_REVIEW: Message = {
  1: METADATA,
  2: message("spec", { 1: one("namespace", "string") }),
  3: message("status", { 3: one("incomplete", "bool"), 4: one("evaluationError", "string") }),
};

const MESSAGES: Readonly<Record<string, Message>> = {
  "v1/Namespace": NAMESPACE,
  "v1/ConfigMap": CONFIG_MAP,
  "v1/Secret": SECRET,
  "v1/ServiceAccount": SERVICE_ACCOUNT,
  "apps/v1/Deployment": DEPLOYMENT,
  "authentication.k8s.io/v1/SelfSubjectReview": SELF_SUBJECT_REVIEW,
  "authorization.k8s.io/v1/SelfSubjectAccessReview": SELF_SUBJECT_ACCESS_REVIEW,
  "authorization.k8s.io/v1/SelfSubjectRulesReview": SELF_SUBJECT_RULES_REVIEW,
};

export function messageOf(apiVersion: string, kind: string): Message | undefined {
  return MESSAGES[`${apiVersion}/${kind}`];
}
