package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
)

// containerRuntime starts before the kubelet, which needs it.
var containerRuntime = []component{
	{name: "containerd", program: nodeProgram("containerd"), args: containerdArgs},
}

// nodeComponents are the components of the node, and the cluster services that Pods need.
var nodeComponents = []component{
	{name: "pause-image", program: nodeProgram("ctr"), args: pauseImageArgs, once: true},
	{name: "kube-scheduler", program: builtIn, args: schedulerArgs},
	{name: "kubelet", program: builtIn, args: kubeletArgs},
	{name: "kube-proxy", program: builtIn, args: proxyArgs},
	{name: "coredns", program: builtIn, args: corednsArgs},
	{name: "load-balancer", program: builtIn, args: loadBalancerArgs},
}

// runtimeReady holds when containerd listens.
var runtimeReady = check{"containerd", func(ctx context.Context, p *plane, _ *http.Client) error {
	connection, err := (&net.Dialer{}).DialContext(ctx, "unix", p.node.containerd())
	if err != nil {
		return err
	}
	return connection.Close()
}}

// nodeReady holds when a Pod can be scheduled, and can reach Services by address and by name.
var nodeReady = []check{
	{"the node to be ready", schedulable},
	{"kube-proxy", func(ctx context.Context, p *plane, client *http.Client) error {
		return ask(ctx, client, fmt.Sprintf("http://%s:10256/healthz", p.node.block.node()), nil)
	}},
	{"CoreDNS", func(ctx context.Context, p *plane, client *http.Client) error {
		return ask(ctx, client, fmt.Sprintf("http://%s:8181/ready", p.node.block.node()), nil)
	}},
}

func schedulable(ctx context.Context, p *plane, client *http.Client) error {
	var node struct {
		Spec struct {
			Taints []struct{ Key string }
		}
		Status struct {
			Conditions []struct{ Type, Status, Message string }
		}
	}
	if err := ask(ctx, client, p.server+"/api/v1/nodes/"+nodeName, &node); err != nil {
		return err
	}
	for _, condition := range node.Status.Conditions {
		if condition.Type == "Ready" && condition.Status != "True" {
			return errors.New(condition.Message)
		}
	}
	for _, taint := range node.Spec.Taints {
		return fmt.Errorf("it has the taint %s", taint.Key)
	}
	return nil
}

// nodeProgram is a program from the node's own directory.
func nodeProgram(name string) func(options) string {
	return func(o options) string { return filepath.Join(o.programs, name) }
}

// apiserverNodeArgs are the API server's arguments for a cluster with a node: it calls the kubelet for
// logs and exec.
var apiserverNodeArgs = []string{
	"--allow-privileged",
	"--enable-admission-plugins=NodeRestriction",
	"--kubelet-certificate-authority=ca.crt",
	"--kubelet-client-certificate=kubelet-client.crt",
	"--kubelet-client-key=kubelet-client.key",
	"--kubelet-preferred-address-types=InternalIP",
}

func containerdArgs(options, *plane) []string {
	return []string{"--config=containerd.toml", "--log-level=warn"}
}

func pauseImageArgs(_ options, p *plane) []string {
	return []string{
		"--address=" + p.node.containerd(), "--namespace=k8s.io",
		"images", "import", "--local", "--snapshotter=" + p.node.snapshotter, "pause.tar",
	}
}

func schedulerArgs(options, *plane) []string {
	const config = "kube-scheduler.kubeconfig"
	return []string{
		"--kubeconfig=" + config,
		"--authentication-kubeconfig=" + config,
		"--authorization-kubeconfig=" + config,
		"--secure-port=0",
		"--leader-elect=false",
	}
}

func kubeletArgs(_ options, p *plane) []string {
	return []string{
		"--config=kubelet.json",
		"--kubeconfig=kubelet.kubeconfig",
		"--root-dir=" + p.node.path("kubelet"),
		"--hostname-override=" + nodeName,
		"--node-ip=" + p.node.block.node().String(),
	}
}

func proxyArgs(_ options, p *plane) []string {
	return []string{
		"--kubeconfig=kube-proxy.kubeconfig",
		"--proxy-mode=nftables",
		"--hostname-override=" + nodeName,
		// Without it, kube-proxy searches for the node's address for half a minute.
		"--bind-address=" + p.node.block.node().String(),
		"--cluster-cidr=" + p.node.block.pods().String(),
		// The table of connections belongs to the machine.
		"--conntrack-max-per-core=0",
		"--conntrack-min=0",
		"--oom-score-adj=0",
	}
}

func corednsArgs(options, *plane) []string {
	return []string{"Corefile"}
}

func loadBalancerArgs(_ options, p *plane) []string {
	return []string{"--kubeconfig=load-balancer.kubeconfig", "--range=" + p.node.block.loadBalancers().String()}
}
