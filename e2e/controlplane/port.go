package main

import (
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// reservedPort is a TCP port that no other process can bind while this is open. The socket is bound and
// does not listen; the server shares the port by SO_REUSEPORT (`--permit-port-sharing`) and, as the only
// one that listens, gets every connection. So no other process, such as a second control plane, can get
// the same port at any moment.
type reservedPort struct {
	*os.File
	number int
}

func reservePort(address netip.Addr) (*reservedPort, error) {
	family, any := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Addr: address.As16()})
	if address.Is4() {
		family, any = unix.AF_INET, &unix.SockaddrInet4{Addr: address.As4()}
	}
	socket, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	file := os.NewFile(uintptr(socket), "reserved port")
	number, err := bind(socket, any)
	if err != nil {
		file.Close()
		return nil, err
	}
	return &reservedPort{File: file, number: number}, nil
}

func bind(socket int, any unix.Sockaddr) (int, error) {
	if err := unix.SetsockoptInt(socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return 0, os.NewSyscallError("setsockopt", err)
	}
	if err := unix.Bind(socket, any); err != nil {
		return 0, os.NewSyscallError("bind", err)
	}
	bound, err := unix.Getsockname(socket)
	if err != nil {
		return 0, os.NewSyscallError("getsockname", err)
	}
	switch bound := bound.(type) {
	case *unix.SockaddrInet4:
		return bound.Port, nil
	case *unix.SockaddrInet6:
		return bound.Port, nil
	}
	return 0, syscall.EAFNOSUPPORT
}
