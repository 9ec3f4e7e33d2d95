package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/vishvananda/netlink"
)

// block is the addresses of one node: 10.(192+index).0.0/16. The process that created the block's
// link holds the block until the link is removed.
type block struct{ index int }

// blocks is the number of blocks, up to 10.255.0.0/16.
const blocks = 64

func (b block) all() netip.Prefix           { return b.prefix(0, 16) }
func (b block) pods() netip.Prefix          { return b.prefix(64, 18) }
func (b block) services() netip.Prefix      { return b.prefix(128, 18) }
func (b block) loadBalancers() netip.Prefix { return b.prefix(192, 24) }

// host is the address of this machine's end of the link, and node that of the other end.
func (b block) host() netip.Addr { return b.prefix(0, 30).Addr().Next() }
func (b block) node() netip.Addr { return b.host().Next() }

// link is the name of the network interface on this machine.
func (b block) link() string { return fmt.Sprintf("mtk-%d", b.index) }

func (b block) prefix(third byte, bits int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(192 + b.index), third, 0}), bits)
}

// connection is this machine's end of a link with a node.
type connection struct {
	block block
	link  netlink.Link
}

// connect links this machine with the network namespace of the process, with the first free block.
// It creates the far end in that namespace, so the link cannot outlive the namespace.
func connect(pid int) (*connection, error) {
	used, err := routed()
	if err != nil {
		return nil, fmt.Errorf("reading the routes of this machine: %w", err)
	}
	for index := range blocks {
		b := block{index}
		if overlaps(used, b.all()) {
			continue
		}
		err := netlink.LinkAdd(&netlink.Veth{
			LinkAttrs:     netlink.LinkAttrs{Name: b.link()},
			PeerName:      nodeInterface,
			PeerNamespace: netlink.NsPid(pid),
		})
		if errors.Is(err, os.ErrExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("creating the link %s: %w", b.link(), err)
		}
		link, err := b.configureHost()
		if err != nil {
			return nil, fmt.Errorf("setting up the link %s: %w", b.link(), err)
		}
		return &connection{b, link}, nil
	}
	first, last := block{}.all(), block{blocks - 1}.all()
	return nil, fmt.Errorf("no free block of addresses: each of %s to %s is in use or routed elsewhere", first, last)
}

// close removes the link with the block's address and route, and waits until they are removed. The
// kernel also removes them after the namespace at the far end has ended, but later. close finds the
// link by its number, because another link may have its name by then.
func (c *connection) close() {
	_ = netlink.LinkDel(c.link)
}

func (b block) configureHost() (netlink.Link, error) {
	link, err := upWithAddress(b.link(), netip.PrefixFrom(b.host(), 30))
	if err != nil {
		return nil, err
	}
	return link, netlink.RouteAdd(&netlink.Route{
		LinkIndex: link.Attrs().Index,
		Dst:       ipNet(b.all()),
		Gw:        b.node().AsSlice(),
	})
}

// configureNode sets up the node's end of the link. It runs in the node's network namespace.
func (b block) configureNode() error {
	if _, err := upWithAddress("lo", netip.Prefix{}); err != nil {
		return err
	}
	if _, err := upWithAddress(nodeInterface, netip.PrefixFrom(b.node(), 30)); err != nil {
		return err
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}

const nodeInterface = "eth0"

func upWithAddress(name string, address netip.Prefix) (netlink.Link, error) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return nil, err
	}
	if address.IsValid() {
		if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: ipNet(address)}); err != nil {
			return nil, err
		}
	}
	return link, netlink.LinkSetUp(link)
}

// routed lists the ranges that this machine has routes for, in any table, without default routes.
func routed() ([]netip.Prefix, error) {
	routes, err := netlink.RouteListFiltered(netlink.FAMILY_V4, &netlink.Route{Table: syscall.RT_TABLE_UNSPEC}, netlink.RT_FILTER_TABLE)
	if err != nil {
		return nil, err
	}
	var ranges []netip.Prefix
	for _, route := range routes {
		if route.Dst == nil {
			continue
		}
		address, ok := netip.AddrFromSlice(route.Dst.IP.To4())
		if bits, _ := route.Dst.Mask.Size(); ok && bits > 0 {
			ranges = append(ranges, netip.PrefixFrom(address, bits))
		}
	}
	return ranges, nil
}

func overlaps(ranges []netip.Prefix, wanted netip.Prefix) bool {
	for _, r := range ranges {
		if r.Overlaps(wanted) {
			return true
		}
	}
	return false
}

func ipNet(prefix netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: prefix.Addr().AsSlice(), Mask: net.CIDRMask(prefix.Bits(), 32)}
}
