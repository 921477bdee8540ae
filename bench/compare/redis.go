package main

import (
	"errors"
	"fmt"
	"net"
	"os/exec"
	"time"
)

// startRedis starts one that keeps nothing, on a port that is free.
func startRedis(dir string) (addr string, stopIt func(), err error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	addr = free.Addr().String()
	free.Close()
	_, port, _ := net.SplitHostPort(addr)
	cmd := exec.Command("redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", dir)
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("redis-server: %w", err)
	}
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			return addr, func() { stop(cmd) }, nil
		}
	}
	stop(cmd)
	return "", nil, errors.New("redis-server does not answer")
}
