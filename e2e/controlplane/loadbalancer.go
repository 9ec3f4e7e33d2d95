package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"syscall"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	cloudprovider "k8s.io/cloud-provider"
	"k8s.io/cloud-provider/controllers/service"
	metrics "k8s.io/component-base/metrics/prometheus/controllers"
	"k8s.io/utils/ptr"
)

// loadBalancer gives each Service of type LoadBalancer an address. It is the service controller that
// cloud providers use, with a provider that only assigns addresses. kube-proxy routes them.
func loadBalancer() int {
	flags := flag.NewFlagSet("load-balancer", flag.ContinueOnError)
	config := flags.String("kubeconfig", "", "how to reach the API server")
	addresses := flags.String("range", "", "the addresses to give, such as 192.0.2.0/24")
	if err := flags.Parse(os.Args[1:]); err != nil {
		return 2 // the flag package has said why
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := balance(ctx, *config, *addresses); err != nil {
		fmt.Fprintf(os.Stderr, "mtk-controlplane: %v\n", err)
		return 1
	}
	return 0
}

func balance(ctx context.Context, config, addresses string) error {
	pool, err := newPool(addresses)
	if err != nil {
		return err
	}
	rest, err := clientcmd.BuildConfigFromFlags("", config)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(rest)
	if err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactory(client, 0)
	core := factory.Core().V1()
	controller, err := service.New(cloud{balancer{pool}}, client, core.Services(), core.Nodes(), nodeName, nil)
	if err != nil {
		return err
	}
	factory.Start(ctx.Done())
	controller.Run(ctx, 1, metrics.NewControllerManagerMetrics("mtk-load-balancer"))
	return nil
}

// cloud is a provider that only offers load balancers.
type cloud struct{ balancer balancer }

func (c cloud) LoadBalancer() (cloudprovider.LoadBalancer, bool) { return c.balancer, true }
func (cloud) ProviderName() string                               { return "mtk" }
func (cloud) HasClusterID() bool                                 { return true }
func (cloud) Instances() (cloudprovider.Instances, bool)         { return nil, false }
func (cloud) InstancesV2() (cloudprovider.InstancesV2, bool)     { return nil, false }
func (cloud) Zones() (cloudprovider.Zones, bool)                 { return nil, false }
func (cloud) Clusters() (cloudprovider.Clusters, bool)           { return nil, false }
func (cloud) Routes() (cloudprovider.Routes, bool)               { return nil, false }

func (cloud) Initialize(cloudprovider.ControllerClientBuilder, <-chan struct{}) {}

// balancer assigns an address to each Service of type LoadBalancer.
type balancer struct{ pool *pool }

func (b balancer) GetLoadBalancerName(_ context.Context, _ string, service *v1.Service) string {
	return cloudprovider.DefaultLoadBalancerName(service)
}

func (b balancer) GetLoadBalancer(_ context.Context, _ string, service *v1.Service) (*v1.LoadBalancerStatus, bool, error) {
	address, ok := b.pool.of(service.UID)
	if !ok {
		return nil, false, nil
	}
	return status(address), true, nil
}

func (b balancer) EnsureLoadBalancer(_ context.Context, _ string, service *v1.Service, _ []*v1.Node) (*v1.LoadBalancerStatus, error) {
	address, err := b.pool.take(service.UID)
	if err != nil {
		return nil, err
	}
	return status(address), nil
}

func (b balancer) UpdateLoadBalancer(context.Context, string, *v1.Service, []*v1.Node) error {
	return nil // kube-proxy knows the nodes
}

func (b balancer) EnsureLoadBalancerDeleted(_ context.Context, _ string, service *v1.Service) error {
	b.pool.release(service.UID)
	return nil
}

func status(address netip.Addr) *v1.LoadBalancerStatus {
	return &v1.LoadBalancerStatus{Ingress: []v1.LoadBalancerIngress{{
		IP:     address.String(),
		IPMode: ptr.To(v1.LoadBalancerIPModeVIP),
	}}}
}

// pool is a range of addresses with their owners.
type pool struct {
	addresses netip.Prefix
	mutex     sync.Mutex
	taken     map[types.UID]netip.Addr
	last      netip.Addr
}

func newPool(addresses string) (*pool, error) {
	prefix, err := netip.ParsePrefix(addresses)
	if err != nil {
		return nil, err
	}
	return &pool{addresses: prefix.Masked(), taken: map[types.UID]netip.Addr{}, last: prefix.Masked().Addr()}, nil
}

func (p *pool) of(owner types.UID) (netip.Addr, bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	address, ok := p.taken[owner]
	return address, ok
}

// take returns the owner's address, or assigns the next free one in turn. A released address is
// reused last, so that no client reaches another Service under an old address.
func (p *pool) take(owner types.UID) (netip.Addr, error) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if address, ok := p.taken[owner]; ok {
		return address, nil
	}
	used := make(map[netip.Addr]bool, len(p.taken))
	for _, address := range p.taken {
		used[address] = true
	}
	for candidate := p.next(p.last); ; candidate = p.next(candidate) {
		if !used[candidate] {
			p.taken[owner], p.last = candidate, candidate
			return candidate, nil
		}
		if candidate == p.last {
			return netip.Addr{}, errors.New("every address of " + p.addresses.String() + " is in use")
		}
	}
}

// next returns the following address of the range, cyclically, without the first, which is the
// network's.
func (p *pool) next(address netip.Addr) netip.Addr {
	if following := address.Next(); p.addresses.Contains(following) {
		return following
	}
	return p.addresses.Addr().Next()
}

func (p *pool) release(owner types.UID) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.taken, owner)
}
