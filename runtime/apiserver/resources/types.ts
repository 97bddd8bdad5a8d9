/**
 * What the kinds here are made of, as the Go types of Kubernetes 1.36 say it, with the defaults that the server gives. The
 * real server's own schemas hold it, in a test. Sources of volumes that have gone out of use are not looked into.
 *
 * Source: k8s.io/api core/v1 and apps/v1 types.go; defaults from pkg/apis/core/v1/defaults.go and apps/v1/defaults.go.
 */
import { structs } from "../structs.ts";
import { METADATA } from "./metadata.ts";

/** The schema of a struct. */
export const struct = structs(
  `
Affinity: nodeAffinity *NodeAffinity, podAffinity *PodAffinity, podAntiAffinity *PodAffinity
AppArmorProfile: localhostProfile *string, type string!
CSIVolumeSource: driver string!, fsType *string, nodePublishSecretRef *LocalObjectReference, readOnly *bool,
  volumeAttributes map string
Capabilities: add []string, drop []string
ClusterTrustBundleProjection: labelSelector *LabelSelector, name *string, optional *bool, path string!,
  signerName *string
ConfigMapEnvSource: name string, optional *bool
ConfigMapKeySelector atomic: key string!, name string, optional *bool
ConfigMapProjection: items []KeyToPath, name string, optional *bool
ConfigMapVolumeSource: defaultMode *int32 = 420, items []KeyToPath, name string, optional *bool
Container: args []string, command []string, env []EnvVar by name, envFrom []EnvFromSource, image string,
  imagePullPolicy string, lifecycle *Lifecycle, livenessProbe *Probe, name string!,
  ports []ContainerPort by containerPort,protocol, readinessProbe *Probe, resizePolicy []ContainerResizePolicy,
  resources ResourceRequirements = {}, restartPolicy *string, restartPolicyRules []ContainerRestartRule,
  securityContext *SecurityContext, startupProbe *Probe, stdin bool, stdinOnce bool,
  terminationMessagePath string = "/dev/termination-log", terminationMessagePolicy string = "File", tty bool,
  volumeDevices []VolumeDevice by devicePath, volumeMounts []VolumeMount by mountPath, workingDir string
ContainerPort: containerPort int32!, hostIP string, hostPort int32, name string, protocol string = "TCP"
ContainerResizePolicy: resourceName string!, restartPolicy string!
ContainerRestartRule: action string, exitCodes *ContainerRestartRuleOnExitCodes
ContainerRestartRuleOnExitCodes: operator string, values []int32 set
DeploymentCondition: lastTransitionTime Time, lastUpdateTime Time, message string, reason string, status string!,
  type string!
DeploymentSpec: minReadySeconds int32, paused bool, progressDeadlineSeconds *int32 = 600, replicas *int32 = 1,
  revisionHistoryLimit *int32 = 10, selector *LabelSelector, strategy DeploymentStrategy retainKeys,
  template PodTemplateSpec
DeploymentStatus: availableReplicas int32, collisionCount *int32, conditions []DeploymentCondition by type,
  observedGeneration int64, readyReplicas int32, replicas int32, terminatingReplicas *int32,
  unavailableReplicas int32, updatedReplicas int32
DeploymentStrategy: rollingUpdate *RollingUpdateDeployment, type string = "RollingUpdate"
DownwardAPIProjection: items []DownwardAPIVolumeFile
DownwardAPIVolumeFile: fieldRef *ObjectFieldSelector, mode *int32, path string!,
  resourceFieldRef *ResourceFieldSelector
DownwardAPIVolumeSource: defaultMode *int32 = 420, items []DownwardAPIVolumeFile
EmptyDirVolumeSource: medium string, sizeLimit *Quantity
EnvFromSource: configMapRef *ConfigMapEnvSource, prefix string, secretRef *SecretEnvSource
EnvVar: name string!, value string, valueFrom *EnvVarSource
EnvVarSource: configMapKeyRef *ConfigMapKeySelector, fieldRef *ObjectFieldSelector, fileKeyRef *FileKeySelector,
  resourceFieldRef *ResourceFieldSelector, secretKeyRef *SecretKeySelector
ExecAction: command []string
FileKeySelector atomic: key string!, optional *bool, path string!, volumeName string!
GRPCAction: port int32!, service *string = ""
HTTPGetAction: host string, httpHeaders []HTTPHeader, path string = "/", port IntOrString, scheme string = "HTTP"
HTTPHeader: name string!, value string!
HostAlias: hostnames []string, ip string!
HostPathVolumeSource: path string!, type *string = ""
ImageVolumeSource: pullPolicy string, reference string
KeyToPath: key string!, mode *int32, path string!
LabelSelector atomic: matchExpressions []LabelSelectorRequirement, matchLabels map string
LabelSelectorRequirement: key string!, operator string!, values []string
Lifecycle: postStart *LifecycleHandler, preStop *LifecycleHandler, stopSignal *string
LifecycleHandler: exec *ExecAction, httpGet *HTTPGetAction, sleep *SleepAction, tcpSocket *TCPSocketAction
LocalObjectReference atomic: name string
NFSVolumeSource: path string!, readOnly bool, server string!
NamespaceCondition: lastTransitionTime Time, message string, reason string, status string!, type string!
NodeAffinity: preferredDuringSchedulingIgnoredDuringExecution []PreferredSchedulingTerm,
  requiredDuringSchedulingIgnoredDuringExecution *NodeSelector
NodeSelector atomic: nodeSelectorTerms []NodeSelectorTerm
NodeSelectorRequirement: key string!, operator string!, values []string
NodeSelectorTerm atomic: matchExpressions []NodeSelectorRequirement, matchFields []NodeSelectorRequirement
ObjectFieldSelector atomic: apiVersion string = "v1", fieldPath string!
ObjectReference atomic: apiVersion string, fieldPath string, kind string, name string, namespace string,
  resourceVersion string, uid string
PersistentVolumeClaimVolumeSource: claimName string!, readOnly bool
PodAffinity: preferredDuringSchedulingIgnoredDuringExecution []WeightedPodAffinityTerm,
  requiredDuringSchedulingIgnoredDuringExecution []PodAffinityTerm
PodAffinityTerm: labelSelector *LabelSelector, matchLabelKeys []string, mismatchLabelKeys []string,
  namespaceSelector *LabelSelector, namespaces []string, topologyKey string!
PodCertificateProjection: certificateChainPath string, credentialBundlePath string, keyPath string, keyType string,
  maxExpirationSeconds *int32, signerName string, userAnnotations map string
PodDNSConfig: nameservers []string, options []PodDNSConfigOption, searches []string
PodDNSConfigOption: name string, value *string
PodOS: name string!
PodReadinessGate: conditionType string!
PodResourceClaim: name string!, resourceClaimName *string, resourceClaimTemplateName *string
PodSchedulingGate: name string!
PodSchedulingGroup: podGroupName *string
PodSecurityContext: appArmorProfile *AppArmorProfile, fsGroup *int64, fsGroupChangePolicy *string, runAsGroup *int64,
  runAsNonRoot *bool, runAsUser *int64, seLinuxChangePolicy *string, seLinuxOptions *SELinuxOptions,
  seccompProfile *SeccompProfile, supplementalGroups []int64, supplementalGroupsPolicy *string, sysctls []Sysctl,
  windowsOptions *WindowsSecurityContextOptions
PodSpec: activeDeadlineSeconds *int64, affinity *Affinity, automountServiceAccountToken *bool,
  containers []Container by name, dnsConfig *PodDNSConfig, dnsPolicy string = "ClusterFirst",
  enableServiceLinks *bool, ephemeralContainers any, hostAliases []HostAlias by ip, hostIPC bool, hostNetwork bool,
  hostPID bool, hostUsers *bool, hostname string, hostnameOverride *string,
  imagePullSecrets []LocalObjectReference by name, initContainers []Container by name, nodeName string,
  nodeSelector atomic map string, os *PodOS, overhead map Quantity, preemptionPolicy *string, priority *int32,
  priorityClassName string, readinessGates []PodReadinessGate, resourceClaims []PodResourceClaim by name retainKeys,
  resources *ResourceRequirements, restartPolicy string = "Always", runtimeClassName *string,
  schedulerName string = "default-scheduler", schedulingGates []PodSchedulingGate by name,
  schedulingGroup *PodSchedulingGroup, securityContext *PodSecurityContext = {}, serviceAccount string,
  serviceAccountName string, setHostnameAsFQDN *bool, shareProcessNamespace *bool, subdomain string,
  terminationGracePeriodSeconds *int64 = 30, tolerations []Toleration,
  topologySpreadConstraints []TopologySpreadConstraint by topologyKey,whenUnsatisfiable,
  volumes []Volume by name retainKeys
PodTemplateSpec: metadata ObjectMeta = {}, spec PodSpec
PreferredSchedulingTerm: preference NodeSelectorTerm, weight int32!
Probe: exec *ExecAction, failureThreshold int32 = 3, grpc *GRPCAction, httpGet *HTTPGetAction,
  initialDelaySeconds int32, periodSeconds int32 = 10, successThreshold int32 = 1, tcpSocket *TCPSocketAction,
  terminationGracePeriodSeconds *int64, timeoutSeconds int32 = 1
ProjectedVolumeSource: defaultMode *int32 = 420, sources []VolumeProjection
ResourceClaim: name string!, request string
ResourceFieldSelector atomic: containerName string, divisor Quantity, resource string!
ResourceRequirements: claims []ResourceClaim keyed name, limits map Quantity, requests map Quantity
RollingUpdateDeployment: maxSurge *IntOrString = "25%", maxUnavailable *IntOrString = "25%"
SELinuxOptions: level string, role string, type string, user string
SeccompProfile: localhostProfile *string, type string!
SecretEnvSource: name string, optional *bool
SecretKeySelector atomic: key string!, name string, optional *bool
SecretProjection: items []KeyToPath, name string, optional *bool
SecretVolumeSource: defaultMode *int32 = 420, items []KeyToPath, optional *bool, secretName string
SecurityContext: allowPrivilegeEscalation *bool, appArmorProfile *AppArmorProfile, capabilities *Capabilities,
  privileged *bool, procMount *string, readOnlyRootFilesystem *bool, runAsGroup *int64, runAsNonRoot *bool,
  runAsUser *int64, seLinuxOptions *SELinuxOptions, seccompProfile *SeccompProfile,
  windowsOptions *WindowsSecurityContextOptions
ServiceAccountTokenProjection: audience string, expirationSeconds *int64 = 3600, path string!
SleepAction: seconds int64!
Sysctl: name string!, value string!
TCPSocketAction: host string, port IntOrString
Toleration: effect string, key string, operator string, tolerationSeconds *int64, value string
TopologySpreadConstraint: labelSelector *LabelSelector, matchLabelKeys []string, maxSkew int32!, minDomains *int32,
  nodeAffinityPolicy *string, nodeTaintsPolicy *string, topologyKey string!, whenUnsatisfiable string!
Volume: awsElasticBlockStore any, azureDisk any, azureFile any, cephfs any, cinder any,
  configMap *ConfigMapVolumeSource, csi *CSIVolumeSource, downwardAPI *DownwardAPIVolumeSource,
  emptyDir *EmptyDirVolumeSource, ephemeral any, fc any, flexVolume any, flocker any, gcePersistentDisk any,
  gitRepo any, glusterfs any, hostPath *HostPathVolumeSource, image *ImageVolumeSource, iscsi any, name string!,
  nfs *NFSVolumeSource, persistentVolumeClaim *PersistentVolumeClaimVolumeSource, photonPersistentDisk any,
  portworxVolume any, projected *ProjectedVolumeSource, quobyte any, rbd any, scaleIO any, secret *SecretVolumeSource,
  storageos any, vsphereVolume any
VolumeDevice: devicePath string!, name string!
VolumeMount: mountPath string!, mountPropagation *string, name string!, readOnly bool, recursiveReadOnly *string,
  subPath string, subPathExpr string
VolumeProjection: clusterTrustBundle *ClusterTrustBundleProjection, configMap *ConfigMapProjection,
  downwardAPI *DownwardAPIProjection, podCertificate *PodCertificateProjection, secret *SecretProjection,
  serviceAccountToken *ServiceAccountTokenProjection
WeightedPodAffinityTerm: podAffinityTerm PodAffinityTerm, weight int32!
WindowsSecurityContextOptions: gmsaCredentialSpec *string, gmsaCredentialSpecName *string, hostProcess *bool,
  runAsUserName *string
`,
  { ObjectMeta: METADATA },
);
