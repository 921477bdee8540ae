package bench

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"syscall"
)

// spare is how many descriptors a process needs besides its connections.
const spare = 64

// raiseLimit makes room for so many connections, or says what would.
func raiseLimit(cfg Config) error {
	need := uint64(cfg.Clients + cfg.Publishers + spare)
	if cfg.Scenario == Churn {
		need += 1024
	}
	have, known := descriptors()
	if !known || need <= have {
		return nil
	}
	return fmt.Errorf("%d clients need %d descriptors, and a process may have %d here.\n%s", cfg.Clients, need, have, remedies)
}

const remedies = `Ask for fewer clients, or raise the limit (ulimit -Hn, or LimitNOFILE= of systemd,
or nofile in /etc/security/limits.conf), or let several processes run at once,
each with some of the clients (--publishers 0 for those that only receive).`

// advice adds to errors of the system what can be done about them.
func advice(err error) error {
	switch {
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%w.\n%s", err, remedies)
	case errors.Is(err, syscall.ENFILE):
		return fmt.Errorf("%w: the whole system may have no more (sysctl fs.file-max)", err)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("%w: no port is left for this pair of addresses (sysctl net.ipv4.ip_local_port_range), so give the server another address, too", err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w: does a server run there?", err)
	}
	return err
}

// workers is how many threads a run has.
func workers(asked int) int {
	if asked > 0 {
		return asked
	}
	return runtime.GOMAXPROCS(0)
}

// hint is what the error of a server that has ended may mean.
func hint(log string) string {
	if strings.Contains(log, "too many open files") {
		return "\n" + remedies
	}
	return ""
}
