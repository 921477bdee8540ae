package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"time"

	"github.com/redis/rueidis"
)

// resolver says which nodes there are. It belongs to one goroutine.
type resolver interface {
	// resolve returns the addresses of all nodes.
	resolve() ([]string, error)

	// interval is the time between two calls of resolve, if no node fails.
	interval() time.Duration

	close()
}

func newResolver(t *topology) resolver {
	switch {
	case t.options.Sentinel.Master != "":
		return &sentinelResolver{topology: t}
	case t.options.Cluster:
		return &clusterResolver{topology: t}
	}
	return fixedResolver(t.options.Addrs)
}

// fixedResolver is the addresses themselves.
type fixedResolver []string

func (r fixedResolver) resolve() ([]string, error) { return r, nil }
func (fixedResolver) interval() time.Duration      { return time.Hour }
func (fixedResolver) close()                       {}

// sentinelResolver asks the Sentinels for the master, and stays connected to
// one of them.
type sentinelResolver struct {
	topology *topology
	addr     string
	client   rueidis.Client // nil: not connected
}

func (r *sentinelResolver) interval() time.Duration { return time.Second }

func (r *sentinelResolver) resolve() ([]string, error) {
	var errs []error
	if r.client != nil {
		addr, err := r.master()
		if err == nil {
			return []string{addr}, nil
		}
		errs = append(errs, err)
	}
	o := r.topology.options
	for _, sentinel := range o.Addrs {
		if r.topology.ctx.Err() != nil {
			break
		}
		r.close()
		client, err := o.connectSentinel(r.topology.conns, sentinel)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		r.addr, r.client = sentinel, client
		addr, err := r.master()
		if err == nil {
			return []string{addr}, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("no Sentinel knows the master: %w", errors.Join(errs...))
}

// master asks the Sentinel that r is connected to.
func (r *sentinelResolver) master() (string, error) {
	ctx, cancel := context.WithTimeout(r.topology.ctx, r.topology.options.WriteTimeout)
	defer cancel()
	name := r.topology.options.Sentinel.Master
	reply, err := r.client.Do(ctx, r.client.B().SentinelGetMasterAddrByName().Master(name).Build()).AsStrSlice()
	if err != nil {
		return "", fmt.Errorf("sentinel %s: %w", r.addr, err)
	}
	if len(reply) != 2 {
		return "", fmt.Errorf("sentinel %s: the answer has %d elements, want host and port", r.addr, len(reply))
	}
	return net.JoinHostPort(reply[0], reply[1]), nil
}

func (r *sentinelResolver) close() {
	if r.client != nil {
		r.client.Close()
		r.client = nil
	}
}

// clusterResolver asks the nodes that work for the masters of the Cluster, and
// the addresses of the options when there are none.
type clusterResolver struct {
	topology *topology
}

func (r *clusterResolver) interval() time.Duration { return 5 * time.Second }
func (r *clusterResolver) close()                  {}

func (r *clusterResolver) resolve() ([]string, error) {
	var errs []error
	for _, n := range r.topology.table.Load().nodes {
		addrs, err := r.ask(n.addr, n.client)
		if err == nil {
			return addrs, nil
		}
		errs = append(errs, err)
	}
	o := r.topology.options
	for _, addr := range o.Addrs {
		if r.topology.ctx.Err() != nil {
			break
		}
		client, err := o.connect(r.topology.conns, addr)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		addrs, err := r.ask(addr, client)
		client.Close()
		if err == nil {
			return addrs, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("no node of the Cluster answers: %w", errors.Join(errs...))
}

// ask returns the masters that one node knows.
func (r *clusterResolver) ask(asked string, client rueidis.Client) ([]string, error) {
	ctx, cancel := context.WithTimeout(r.topology.ctx, r.topology.options.WriteTimeout)
	defer cancel()
	ranges, err := client.Do(ctx, client.B().ClusterSlots().Build()).ToArray()
	if err != nil {
		return nil, fmt.Errorf("node %s: %w", asked, err)
	}
	host, _, _ := net.SplitHostPort(asked)
	var masters []string
	for _, r := range ranges {
		if addr := masterOf(r, host); addr != "" && !slices.Contains(masters, addr) {
			masters = append(masters, addr)
		}
	}
	if len(masters) == 0 {
		return nil, fmt.Errorf("node %s: nobody serves any slot", asked)
	}
	return masters, nil
}

// masterOf is the address of the master in one element of the answer to
// CLUSTER SLOTS: first slot, last slot, master, replicas. A node that does not
// know its own host is where it was asked.
func masterOf(slots rueidis.RedisMessage, asked string) string {
	element, err := slots.ToArray()
	if err != nil || len(element) < 3 {
		return ""
	}
	master, err := element[2].ToArray()
	if err != nil || len(master) < 2 {
		return ""
	}
	host, _ := master[0].ToString() // nil when it does not know
	port, err := master[1].AsInt64()
	if err != nil || host == "?" {
		return ""
	}
	if host == "" {
		host = asked
	}
	return net.JoinHostPort(host, strconv.FormatInt(port, 10))
}
