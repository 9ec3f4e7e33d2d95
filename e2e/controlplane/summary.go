package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"time"
)

// summary is the one line that up prints when everything is ready, and the
// content of summary.json for later commands.
type summary struct {
	Kubeconfig string         `json:"kubeconfig"`
	Server     string         `json:"server"`
	AuditLog   string         `json:"audit_log,omitempty"`
	ReadyMS    int64          `json:"ready_ms"`
	Pids       map[string]int `json:"pids"`
	Node       *nodeSummary   `json:"node,omitempty"`
}

// nodeSummary is the node's part of it.
type nodeSummary struct {
	Name string `json:"name"`
	// Address is the node's address. HostAddress is the address at which the node and its Pods reach
	// this machine.
	Address     string `json:"address"`
	HostAddress string `json:"host_address"`
	// The ranges of the addresses of Pods, Services and load balancers.
	PodRange          string `json:"pod_range"`
	ServiceRange      string `json:"service_range"`
	LoadBalancerRange string `json:"load_balancer_range"`
	Containerd        string `json:"containerd"`
	Snapshotter       string `json:"snapshotter"`
	Programs          string `json:"programs"`
}

func (p *plane) summary(pids map[string]int) *summary {
	s := &summary{
		Kubeconfig: p.dir.path("kubeconfig"),
		Server:     p.server,
		AuditLog:   p.auditLog,
		Pids:       pids,
	}
	if p.node != nil {
		s.Node = p.node.summary()
	}
	return s
}

// print writes the summary to its file and to standard output. The reader may have closed the pipe.
func (s *summary) print(started time.Time) error {
	s.ReadyMS = time.Since(started).Milliseconds()
	line, err := json.Marshal(s)
	if err != nil {
		return err
	}
	line = append(line, '\n')
	if err := os.WriteFile(filepath.Join(filepath.Dir(s.Kubeconfig), "summary.json"), line, 0o600); err != nil {
		return err
	}
	_, err = os.Stdout.Write(line)
	return err
}
