package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	kubeletconfig "k8s.io/kubelet/config/v1beta1"
	"k8s.io/utils/ptr"
)

const (
	nodeName      = "mtk-node"
	clusterDomain = "cluster.local"
	pauseImage    = "docker.io/mytomorrows/pause:1"
)

// node is the cluster's only machine: this one, in separate namespaces.
type node struct {
	block        block
	controlGroup string
	programs     string
	dir          string
	snapshotter  string
}

func (n *node) path(name string) string { return filepath.Join(n.dir, name) }

// containerd is the socket of the container runtime.
func (n *node) containerd() string { return n.path("containerd.sock") }

func (n *node) summary() *nodeSummary {
	return &nodeSummary{
		Name:              nodeName,
		Address:           n.block.node().String(),
		HostAddress:       n.block.host().String(),
		PodRange:          n.block.pods().String(),
		ServiceRange:      n.block.services().String(),
		LoadBalancerRange: n.block.loadBalancers().String(),
		Containerd:        n.containerd(),
		Snapshotter:       n.snapshotter,
		Programs:          n.programs,
	}
}

// addNodeFiles adds the identities and the configuration of the node's components, and creates
// their directories.
func (p *plane) addNodeFiles(files map[string][]byte) error {
	n := p.node
	for _, identity := range []struct{ component, user, group string }{
		{"kube-scheduler", "system:kube-scheduler", ""},
		{"kube-proxy", "system:kube-proxy", ""},
		{"kubelet", "system:node:" + nodeName, "system:nodes"},
		// Kubernetes has no built-in roles for these two.
		{"coredns", "mtk-coredns", "system:masters"},
		{"load-balancer", "mtk-load-balancer", "system:masters"},
	} {
		if err := p.addIdentity(files, identity.component, identity.user, identity.group); err != nil {
			return err
		}
	}
	serving, err := p.authority.server("system:node:"+nodeName, []string{nodeName}, n.block.node())
	if err != nil {
		return err
	}
	client, err := p.authority.client("kube-apiserver-kubelet-client", "system:masters")
	if err != nil {
		return err
	}
	files["kubelet.crt"], files["kubelet.key"] = serving.certificate, serving.key
	files["kubelet-client.crt"], files["kubelet-client.key"] = client.certificate, client.key
	files["Corefile"] = []byte(n.corefile())
	if files["kubelet.json"], err = json.Marshal(n.kubelet()); err != nil {
		return err
	}
	if err := n.addRuntimeFiles(files); err != nil {
		return err
	}
	// Files of a killed node are useless.
	for _, name := range []string{"containerd", "kubelet", "cni"} {
		if err := os.RemoveAll(n.path(name)); err != nil {
			return err
		}
	}
	if err := os.Mkdir(n.path("cni"), 0o700); err != nil {
		return err
	}
	network, err := n.network()
	if err != nil {
		return err
	}
	return p.dir.write("cni/mtk.conflist", network)
}

// addRuntimeFiles adds containerd's configuration, and the image that every Pod needs.
func (n *node) addRuntimeFiles(files map[string][]byte) (err error) {
	config := runtimeConfig{Node: n}
	if config.Runc, err = exec.LookPath("runc"); err != nil {
		return err
	}
	if config.Plugins, err = networkPlugins(); err != nil {
		return err
	}
	if files["containerd.toml"], err = config.render(); err != nil {
		return err
	}
	pause, err := os.ReadFile(filepath.Join(n.programs, "pause"))
	if err != nil {
		return err
	}
	files["pause.tar"], err = packImage(pauseImage, pause, nil)
	return err
}

// networkPlugins returns the directory of the system's CNI plug-ins: that of Debian's package, or
// the default of the plug-ins' project.
func networkPlugins() (string, error) {
	for _, directory := range []string{"/usr/lib/cni", "/opt/cni/bin"} {
		if _, err := os.Stat(filepath.Join(directory, "ptp")); err == nil {
			return directory, nil
		}
	}
	return "", fmt.Errorf("no CNI plug-in ptp in /usr/lib/cni or /opt/cni/bin")
}

// network is the CNI configuration: a separate link from each Pod to the node. On a bridge, a Pod
// would answer another Pod directly, and the node could not translate the source back to the
// Service's address.
func (n *node) network() ([]byte, error) {
	type object = map[string]any
	return json.Marshal(object{
		"cniVersion": "1.0.0",
		"name":       "mtk",
		"plugins": []object{{
			"type": "ptp",
			"ipam": object{
				"type":   "host-local",
				"ranges": [][]object{{{"subnet": n.block.pods().String()}}},
				"routes": []object{{"dst": "0.0.0.0/0"}},
			},
		}},
	})
}

func (n *node) kubelet() *kubeletconfig.KubeletConfiguration {
	address := n.block.node().String()
	return &kubeletconfig.KubeletConfiguration{
		TypeMeta: metav1.TypeMeta{APIVersion: "kubelet.config.k8s.io/v1beta1", Kind: "KubeletConfiguration"},
		Address:  address,
		Authentication: kubeletconfig.KubeletAuthentication{
			Anonymous: kubeletconfig.KubeletAnonymousAuthentication{Enabled: ptr.To(false)},
			Webhook:   kubeletconfig.KubeletWebhookAuthentication{Enabled: ptr.To(true)},
			X509:      kubeletconfig.KubeletX509Authentication{ClientCAFile: n.path("ca.crt")},
		},
		Authorization:            kubeletconfig.KubeletAuthorization{Mode: kubeletconfig.KubeletAuthorizationModeWebhook},
		TLSCertFile:              n.path("kubelet.crt"),
		TLSPrivateKeyFile:        n.path("kubelet.key"),
		ContainerRuntimeEndpoint: "unix://" + n.containerd(),
		ClusterDNS:               []string{address},
		ClusterDomain:            clusterDomain,
		ResolverConfig:           ptr.To(""),
		PodLogsDir:               n.path("pods"),
		VolumePluginDir:          n.path("kubelet/volume-plugins"),

		// The machine is shared: limits apply only to Pods, and the kubelet ignores swap and disk
		// pressure.
		CgroupDriver:                  "cgroupfs",
		CgroupRoot:                    "/" + n.controlGroup,
		FailCgroupV1:                  ptr.To(false),
		FailSwapOn:                    ptr.To(false),
		EnforceNodeAllocatable:        []string{},
		LocalStorageCapacityIsolation: ptr.To(false),
		EvictionHard:                  map[string]string{},
		// Images are imported by hand, so the kubelet must not remove any.
		ImageGCHighThresholdPercent: ptr.To[int32](100),
		OOMScoreAdj:                 ptr.To[int32](0),

		// A changed Secret is in the Pod's files within seconds.
		ConfigMapAndSecretChangeDetectionStrategy: kubeletconfig.WatchChangeDetectionStrategy,
		SyncFrequency: metav1.Duration{Duration: 2 * time.Second},
	}
}

// corefile configures CoreDNS for names of the cluster only: the node has no access to the Internet.
func (n *node) corefile() string {
	return fmt.Sprintf(`.:53 {
    bind %[1]s
    errors
    ready %[1]s:8181
    kubernetes %[2]s in-addr.arpa ip6.arpa {
        kubeconfig coredns.kubeconfig
        pods insecure
        ttl 5
    }
    cache 5
}
`, n.block.node(), clusterDomain)
}
