/**
 * What the kinds here are made of, as the Go types of Kubernetes 1.36 say it, with the defaults that the server gives. The
 * real server's own schemas hold it, in a test. Sources of volumes that have gone out of use are not looked into.
 *
 * Source: k8s.io/api core/v1 and apps/v1 types.go; defaults from pkg/apis/core/v1/defaults.go and apps/v1/defaults.go;
 * numbers from generated.proto.
 */
import { structs } from "../structs.ts";
import { METADATA } from "./metadata.ts";

/** The schema of a struct. */
export const struct = structs(
  `
Affinity: nodeAffinity *NodeAffinity #1, podAffinity *PodAffinity #2, podAntiAffinity *PodAffinity #3
AppArmorProfile: localhostProfile *string #2, type string! #1
CSIVolumeSource: driver string! #1, fsType *string #3, nodePublishSecretRef *LocalObjectReference #5, readOnly *bool #2,
  volumeAttributes map string #4
Capabilities: add []string #1, drop []string #2
ClusterTrustBundleProjection: labelSelector *LabelSelector #3, name *string #1, optional *bool #5, path string! #4,
  signerName *string #2
ConfigMapEnvSource: name string #1.1, optional *bool #2
ConfigMapKeySelector atomic: key string! #2, name string #1.1, optional *bool #3
ConfigMapProjection: items []KeyToPath #2, name string #1.1, optional *bool #4
ConfigMapVolumeSource: defaultMode *int32 #3 = 420, items []KeyToPath #2, name string #1.1, optional *bool #4
Container: args []string #4, command []string #3, env []EnvVar by name #7, envFrom []EnvFromSource #19, image string #2,
  imagePullPolicy string #14, lifecycle *Lifecycle #12, livenessProbe *Probe #10, name string! #1,
  ports []ContainerPort by containerPort,protocol #6, readinessProbe *Probe #11,
  resizePolicy []ContainerResizePolicy #23, resources ResourceRequirements #8 = {}, restartPolicy *string #24,
  restartPolicyRules []ContainerRestartRule #25, securityContext *SecurityContext #15, startupProbe *Probe #22,
  stdin bool #16, stdinOnce bool #17, terminationMessagePath string #13 = "/dev/termination-log",
  terminationMessagePolicy string #20 = "File", tty bool #18, volumeDevices []VolumeDevice by devicePath #21,
  volumeMounts []VolumeMount by mountPath #9, workingDir string #5
ContainerPort: containerPort int32! #3, hostIP string #5, hostPort int32 #2, name string #1, protocol string #4 = "TCP"
ContainerResizePolicy: resourceName string! #1, restartPolicy string! #2
ContainerRestartRule: action string #1, exitCodes *ContainerRestartRuleOnExitCodes #2
ContainerRestartRuleOnExitCodes: operator string #1, values []int32 set #2
DeploymentCondition: lastTransitionTime Time #7, lastUpdateTime Time #6, message string #5, reason string #4,
  status string! #2, type string! #1
DeploymentSpec: minReadySeconds int32 #5, paused bool #7, progressDeadlineSeconds *int32 #9 = 600,
  replicas *int32 #1 = 1, revisionHistoryLimit *int32 #6 = 10, selector *LabelSelector #2,
  strategy DeploymentStrategy retainKeys #4, template PodTemplateSpec #3
DeploymentStatus: availableReplicas int32 #4, collisionCount *int32 #8, conditions []DeploymentCondition by type #6,
  observedGeneration int64 #1, readyReplicas int32 #7, replicas int32 #2, terminatingReplicas *int32 #9,
  unavailableReplicas int32 #5, updatedReplicas int32 #3
DeploymentStrategy: rollingUpdate *RollingUpdateDeployment #2, type string #1 = "RollingUpdate"
DownwardAPIProjection: items []DownwardAPIVolumeFile #1
DownwardAPIVolumeFile: fieldRef *ObjectFieldSelector #2, mode *int32 #4, path string! #1,
  resourceFieldRef *ResourceFieldSelector #3
DownwardAPIVolumeSource: defaultMode *int32 #2 = 420, items []DownwardAPIVolumeFile #1
EmptyDirVolumeSource: medium string #1, sizeLimit *Quantity #2
EnvFromSource: configMapRef *ConfigMapEnvSource #2, prefix string #1, secretRef *SecretEnvSource #3
EnvVar: name string! #1, value string #2, valueFrom *EnvVarSource #3
EnvVarSource: configMapKeyRef *ConfigMapKeySelector #3, fieldRef *ObjectFieldSelector #1,
  fileKeyRef *FileKeySelector #5, resourceFieldRef *ResourceFieldSelector #2, secretKeyRef *SecretKeySelector #4
EventSeries: count int32 #1, lastObservedTime MicroTime #2 = null
EventSource: component string #1, host string #2
ExecAction: command []string #1
FileKeySelector atomic: key string! #3, optional *bool #4, path string! #2, volumeName string! #1
GRPCAction: port int32! #1, service *string #2 = ""
HTTPGetAction: host string #3, httpHeaders []HTTPHeader #5, path string #1 = "/", port IntOrString #2,
  scheme string #4 = "HTTP"
HTTPHeader: name string! #1, value string! #2
HostAlias: hostnames []string #2, ip string! #1
HostPathVolumeSource: path string! #1, type *string #2 = ""
ImageVolumeSource: pullPolicy string #2, reference string #1
KeyToPath: key string! #1, mode *int32 #3, path string! #2
LabelSelector atomic: matchExpressions []LabelSelectorRequirement #2, matchLabels map string #1
LabelSelectorRequirement: key string! #1, operator string! #2, values []string #3
LeaseSpec: acquireTime *MicroTime #3, holderIdentity *string #1, leaseDurationSeconds *int32 #2,
  leaseTransitions *int32 #5, preferredHolder *string #7, renewTime *MicroTime #4, strategy *string #6
Lifecycle: postStart *LifecycleHandler #1, preStop *LifecycleHandler #2, stopSignal *string #3
LifecycleHandler: exec *ExecAction #1, httpGet *HTTPGetAction #2, sleep *SleepAction #4, tcpSocket *TCPSocketAction #3
LocalObjectReference atomic: name string #1
NFSVolumeSource: path string! #2, readOnly bool #3, server string! #1
NamespaceCondition: lastTransitionTime Time #4, message string #6, reason string #5, status string! #2, type string! #1
NodeAffinity: preferredDuringSchedulingIgnoredDuringExecution []PreferredSchedulingTerm #2,
  requiredDuringSchedulingIgnoredDuringExecution *NodeSelector #1
NodeSelector atomic: nodeSelectorTerms []NodeSelectorTerm #1
NodeSelectorRequirement: key string! #1, operator string! #2, values []string #3
NodeSelectorTerm atomic: matchExpressions []NodeSelectorRequirement #1, matchFields []NodeSelectorRequirement #2
ObjectFieldSelector atomic: apiVersion string #1 = "v1", fieldPath string! #2
ObjectReference atomic: apiVersion string #5, fieldPath string #7, kind string #1, name string #3, namespace string #2,
  resourceVersion string #6, uid string #4
PersistentVolumeClaimVolumeSource: claimName string! #1, readOnly bool #2
PodAffinity: preferredDuringSchedulingIgnoredDuringExecution []WeightedPodAffinityTerm #2,
  requiredDuringSchedulingIgnoredDuringExecution []PodAffinityTerm #1
PodAffinityTerm: labelSelector *LabelSelector #1, matchLabelKeys []string #5, mismatchLabelKeys []string #6,
  namespaceSelector *LabelSelector #4, namespaces []string #2, topologyKey string! #3
PodCertificateProjection: certificateChainPath string #6, credentialBundlePath string #4, keyPath string #5,
  keyType string #2, maxExpirationSeconds *int32 #3, signerName string #1, userAnnotations map string #7
PodDNSConfig: nameservers []string #1, options []PodDNSConfigOption #3, searches []string #2
PodDNSConfigOption: name string #1, value *string #2
PodOS: name string! #1
PodReadinessGate: conditionType string! #1
PodResourceClaim: name string! #1, resourceClaimName *string #3, resourceClaimTemplateName *string #4
PodSchedulingGate: name string! #1
PodSchedulingGroup: podGroupName *string #1
PodSecurityContext: appArmorProfile *AppArmorProfile #11, fsGroup *int64 #5, fsGroupChangePolicy *string #9,
  runAsGroup *int64 #6, runAsNonRoot *bool #3, runAsUser *int64 #2, seLinuxChangePolicy *string #13,
  seLinuxOptions *SELinuxOptions #1, seccompProfile *SeccompProfile #10, supplementalGroups []int64 #4,
  supplementalGroupsPolicy *string #12, sysctls []Sysctl #7, windowsOptions *WindowsSecurityContextOptions #8
PodSpec: activeDeadlineSeconds *int64 #5, affinity *Affinity #18, automountServiceAccountToken *bool #21,
  containers []Container by name #2, dnsConfig *PodDNSConfig #26, dnsPolicy string #6 = "ClusterFirst",
  enableServiceLinks *bool #30, ephemeralContainers any, hostAliases []HostAlias by ip #23, hostIPC bool #13,
  hostNetwork bool #11, hostPID bool #12, hostUsers *bool #37, hostname string #16, hostnameOverride *string #41,
  imagePullSecrets []LocalObjectReference by name #15, initContainers []Container by name #20, nodeName string #10,
  nodeSelector atomic map string #7, os *PodOS #36, overhead map Quantity #32, preemptionPolicy *string #31,
  priority *int32 #25, priorityClassName string #24, readinessGates []PodReadinessGate #28,
  resourceClaims []PodResourceClaim by name retainKeys #39, resources *ResourceRequirements #40,
  restartPolicy string #3 = "Always", runtimeClassName *string #29, schedulerName string #19 = "default-scheduler",
  schedulingGates []PodSchedulingGate by name #38, schedulingGroup *PodSchedulingGroup #43,
  securityContext *PodSecurityContext #14 = {}, serviceAccount string #9, serviceAccountName string #8,
  setHostnameAsFQDN *bool #35, shareProcessNamespace *bool #27, subdomain string #17,
  terminationGracePeriodSeconds *int64 #4 = 30, tolerations []Toleration #22,
  topologySpreadConstraints []TopologySpreadConstraint by topologyKey,whenUnsatisfiable #33,
  volumes []Volume by name retainKeys #1
PodTemplateSpec: metadata ObjectMeta #1 = {}, spec PodSpec #2
PreferredSchedulingTerm: preference NodeSelectorTerm #2, weight int32! #1
Probe: exec *ExecAction #1.1, failureThreshold int32 #6 = 3, grpc *GRPCAction #1.4, httpGet *HTTPGetAction #1.2,
  initialDelaySeconds int32 #2, periodSeconds int32 #4 = 10, successThreshold int32 #5 = 1,
  tcpSocket *TCPSocketAction #1.3, terminationGracePeriodSeconds *int64 #7, timeoutSeconds int32 #3 = 1
ProjectedVolumeSource: defaultMode *int32 #2 = 420, sources []VolumeProjection #1
ResourceClaim: name string! #1, request string #2
ResourceFieldSelector atomic: containerName string #1, divisor Quantity #3, resource string! #2
ResourceRequirements: claims []ResourceClaim keyed name #3, limits map Quantity #1, requests map Quantity #2
RollingUpdateDeployment: maxSurge *IntOrString #2 = "25%", maxUnavailable *IntOrString #1 = "25%"
SELinuxOptions: level string #4, role string #2, type string #3, user string #1
SeccompProfile: localhostProfile *string #2, type string! #1
SecretEnvSource: name string #1.1, optional *bool #2
SecretKeySelector atomic: key string! #2, name string #1.1, optional *bool #3
SecretProjection: items []KeyToPath #2, name string #1.1, optional *bool #4
SecretVolumeSource: defaultMode *int32 #3 = 420, items []KeyToPath #2, optional *bool #4, secretName string #1
SecurityContext: allowPrivilegeEscalation *bool #7, appArmorProfile *AppArmorProfile #12, capabilities *Capabilities #1,
  privileged *bool #2, procMount *string #9, readOnlyRootFilesystem *bool #6, runAsGroup *int64 #8,
  runAsNonRoot *bool #5, runAsUser *int64 #4, seLinuxOptions *SELinuxOptions #3, seccompProfile *SeccompProfile #11,
  windowsOptions *WindowsSecurityContextOptions #10
ServiceAccountTokenProjection: audience string #1, expirationSeconds *int64 #2 = 3600, path string! #3
SleepAction: seconds int64! #1
Sysctl: name string! #1, value string! #2
TCPSocketAction: host string #2, port IntOrString #1
Toleration: effect string #4, key string #1, operator string #2, tolerationSeconds *int64 #5, value string #3
TopologySpreadConstraint: labelSelector *LabelSelector #4, matchLabelKeys []string #8, maxSkew int32! #1,
  minDomains *int32 #5, nodeAffinityPolicy *string #6, nodeTaintsPolicy *string #7, topologyKey string! #2,
  whenUnsatisfiable string! #3
Volume: awsElasticBlockStore any, azureDisk any, azureFile any, cephfs any, cinder any,
  configMap *ConfigMapVolumeSource #2.19, csi *CSIVolumeSource #2.28, downwardAPI *DownwardAPIVolumeSource #2.16,
  emptyDir *EmptyDirVolumeSource #2.2, ephemeral any, fc any, flexVolume any, flocker any, gcePersistentDisk any,
  gitRepo any, glusterfs any, hostPath *HostPathVolumeSource #2.1, image *ImageVolumeSource #2.30, iscsi any,
  name string! #1, nfs *NFSVolumeSource #2.7, persistentVolumeClaim *PersistentVolumeClaimVolumeSource #2.10,
  photonPersistentDisk any, portworxVolume any, projected *ProjectedVolumeSource #2.26, quobyte any, rbd any,
  scaleIO any, secret *SecretVolumeSource #2.6, storageos any, vsphereVolume any
VolumeDevice: devicePath string! #2, name string! #1
VolumeMount: mountPath string! #3, mountPropagation *string #5, name string! #1, readOnly bool #2,
  recursiveReadOnly *string #7, subPath string #4, subPathExpr string #6
VolumeProjection: clusterTrustBundle *ClusterTrustBundleProjection #5, configMap *ConfigMapProjection #3,
  downwardAPI *DownwardAPIProjection #2, podCertificate *PodCertificateProjection #6, secret *SecretProjection #1,
  serviceAccountToken *ServiceAccountTokenProjection #4
WeightedPodAffinityTerm: podAffinityTerm PodAffinityTerm #2, weight int32! #1
WindowsSecurityContextOptions: gmsaCredentialSpec *string #2, gmsaCredentialSpecName *string #1, hostProcess *bool #4,
  runAsUserName *string #3
`,
  { ObjectMeta: METADATA },
);
