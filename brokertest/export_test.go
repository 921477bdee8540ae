package brokertest

import "time"

// SetPatience shortens the waits for what a faulty broker never does.
func SetPatience(d time.Duration) { patience = d }
