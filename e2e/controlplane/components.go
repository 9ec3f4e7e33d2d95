package main

import (
	"strconv"
	"strings"
)

// component is a program of the control plane: where it comes from and how it is called. Paths in
// its arguments are relative to the control plane's directory, which it is started in.
type component struct {
	name    string
	program func(options) string // empty: this binary
	args    func(options, *plane) []string
}

// stage is components that start together, and the API server's path that answers 200 OK when they
// are ready.
type stage struct {
	components []component
	ready      string
}

// stages start in this order; components end in the opposite one. What talks to the API server comes
// after it, since it would only wait in steps of a second and take processor time meanwhile.
var stages = []stage{
	{
		components: []component{
			{"etcd", func(o options) string { return o.etcd }, etcdArgs},
			{"kube-apiserver", func(o options) string { return o.apiserver }, apiserverArgs},
		},
		ready: "/readyz",
	},
	{
		components: []component{
			{"kube-controller-manager", builtIn, controllerManagerArgs},
		},
		// Without it no Pod is admitted.
		ready: "/api/v1/namespaces/default/serviceaccounts/default",
	},
}

// builtIn is the program of a component that only this binary provides.
func builtIn(options) string { return "" }

// etcdSocket is the file `localhost:2379` in the control plane's directory: etcd and its client
// both take a unix URL's host and port as a path. Unlike a port of loopback it is closed to the
// machine's other users, who could read every Secret in there.
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
		"--bind-address=" + o.advertiseAddress.String(),
		"--advertise-address=" + o.advertiseAddress.String(),
		"--secure-port=" + strconv.Itoa(p.port.number),
		"--permit-port-sharing", // with the reservation: see reservedPort
		"--service-cluster-ip-range=10.96.0.0/16",
		"--authorization-mode=Node,RBAC",
		"--client-ca-file=ca.crt",
		"--tls-cert-file=kube-apiserver.crt",
		"--tls-private-key-file=kube-apiserver.key",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=service-account.key",
		"--service-account-signing-key-file=service-account.key",
	}
	if o.advertiseAddress.IsLoopback() {
		// An Endpoints object may not hold a loopback address.
		args = append(args, "--endpoint-reconciler-type=none")
	}
	if o.audit {
		args = append(args, "--audit-policy-file=audit-policy.yaml", "--audit-log-path=audit.log", "--audit-log-maxsize=0")
	}
	return args
}

// auditPolicy records who asked for what, of everything, and no content.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
`

func controllerManagerArgs(_ options, _ *plane) []string {
	const config = "kube-controller-manager.kubeconfig"
	return []string{
		"--kubeconfig=" + config,
		"--authentication-kubeconfig=" + config,
		"--authorization-kubeconfig=" + config,
		"--secure-port=0",
		"--service-account-private-key-file=service-account.key",
		"--root-ca-file=ca.crt",
		"--use-service-account-credentials",
		"--leader-elect=false",
		// Its own default of 20 requests a second makes a start four seconds longer.
		"--kube-api-qps=1000",
		"--kube-api-burst=1000",
		"--controllers=" + strings.Join(controllers, ","),
	}
}

// controllers are those that something here relies on. Against all of them a start is half a second
// shorter and the process 20 MB smaller.
var controllers = []string{
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
