package bench

import "time"

// usage is what processes have used so far.
type usage struct {
	known  bool          // of the servers; false: nobody said which processes, or they cannot be looked at
	server time.Duration // processor time of the servers
	memory int64         // of theirs that is resident, in bytes
	load   time.Duration // processor time of this process
}

func (r *run) usage() usage {
	u := usage{known: len(r.cfg.PIDs) > 0, load: ownTime()}
	for _, pid := range r.cfg.PIDs {
		used, memory, err := ofProcess(pid)
		if err != nil {
			u.known = false
			continue
		}
		u.server += used
		u.memory += memory
	}
	return u
}

// CheckPID returns an error if the process cannot be measured.
func CheckPID(pid int) error {
	_, _, err := ofProcess(pid)
	return err
}
