package main

import (
	"strconv"
	"strings"
)

// component is a program of the control plane: its source and its arguments. Paths in its arguments
// are relative to the control plane's directory, its working directory.
type component struct {
	name    string
	program func(options) string // empty: this binary
	args    func(options, *plane) []string
	once    bool // it ends by itself, and the stage is not ready before
}

// stage is a set of components that start together, and the check that they are ready.
type stage struct {
	components []component
	ready      []check
}

// stages start in this order; components end in the opposite one. Clients of the API server start
// after it. Otherwise they would poll it once a second and use processor time.
func (p *plane) stages() []stage {
	first := stage{
		components: []component{
			{name: "etcd", program: func(o options) string { return o.etcd }, args: etcdArgs},
			{name: "kube-apiserver", program: func(o options) string { return o.apiserver }, args: apiserverArgs},
		},
		ready: []check{answers("/readyz")},
	}
	second := stage{
		components: []component{
			{name: "kube-controller-manager", program: builtIn, args: controllerManagerArgs},
		},
		// Without it no Pod is admitted.
		ready: []check{answers("/api/v1/namespaces/default/serviceaccounts/default")},
	}
	if p.node != nil {
		first.components = append(first.components, containerRuntime...)
		first.ready = append(first.ready, runtimeReady)
		second.components = append(second.components, nodeComponents...)
		second.ready = append(second.ready, nodeReady...)
	}
	return []stage{first, second}
}

// builtIn is the program of a component that only this binary provides.
func builtIn(options) string { return "" }

// etcdSocket is the file `localhost:2379` in the control plane's directory: etcd and its client
// both take a unix URL's host and port as a path. Unlike a loopback port, it is closed to other
// users of the machine, who could read every Secret in etcd.
const etcdSocket = "unix://localhost:2379"

func etcdArgs(o options, _ *plane) []string {
	args := []string{
		"--data-dir=etcd",
		"--listen-client-urls=" + etcdSocket,
		"--advertise-client-urls=" + etcdSocket,
		"--listen-peer-urls=http://127.0.0.1:0",
		"--log-level=warn",
	}
	if !o.durable {
		args = append(args, "--unsafe-no-fsync")
	}
	return args
}

func apiserverArgs(o options, p *plane) []string {
	args := []string{
		"--etcd-servers=" + etcdSocket,
		"--bind-address=" + p.address.String(),
		"--advertise-address=" + p.address.String(),
		"--secure-port=" + strconv.Itoa(p.port.number),
		"--permit-port-sharing", // with the reservation: see reservedPort
		"--service-cluster-ip-range=" + p.services.String(),
		"--authorization-mode=Node,RBAC",
		"--client-ca-file=ca.crt",
		"--tls-cert-file=kube-apiserver.crt",
		"--tls-private-key-file=kube-apiserver.key",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=service-account.key",
		"--service-account-signing-key-file=service-account.key",
	}
	if p.address.IsLoopback() {
		// An Endpoints object must not contain a loopback address.
		args = append(args, "--endpoint-reconciler-type=none")
	}
	if o.admissionPlugins != "" {
		args = append(args, "--enable-admission-plugins="+o.admissionPlugins)
	}
	if o.audit {
		args = append(args, "--audit-policy-file=audit-policy.yaml", "--audit-log-path=audit.log", "--audit-log-maxsize=0")
	}
	if p.node != nil {
		args = append(args, apiserverNodeArgs...)
	}
	return args
}

// auditPolicy records the metadata of every request, without bodies.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

func controllerManagerArgs(_ options, p *plane) []string {
	const config = "kube-controller-manager.kubeconfig"
	controllers := planeControllers
	if p.node != nil {
		controllers = []string{"*"}
	}
	return []string{
		"--kubeconfig=" + config,
		"--authentication-kubeconfig=" + config,
		"--authorization-kubeconfig=" + config,
		"--secure-port=0",
		"--service-account-private-key-file=service-account.key",
		"--root-ca-file=ca.crt",
		"--use-service-account-credentials",
		"--leader-elect=false",
		// The default limit of 20 requests a second makes a start four seconds longer.
		"--kube-api-qps=1000",
		"--kube-api-burst=1000",
		"--controllers=" + strings.Join(controllers, ","),
	}
}

// planeControllers are the controllers that the tests need without a node. Compared with all
// controllers, a start is half a second shorter and the process 20 MB smaller.
var planeControllers = []string{
	"clusterrole-aggregation-controller",
	"cronjob-controller",
	"daemonset-controller",
	"deployment-controller",
	"endpoints-controller",
	"endpointslice-controller",
	"garbage-collector-controller",
	"job-controller",
	"namespace-controller",
	"replicaset-controller",
	"resourcequota-controller",
	"root-ca-certificate-publisher-controller",
	"serviceaccount-controller",
	"serviceaccount-token-controller",
	"statefulset-controller",
}
