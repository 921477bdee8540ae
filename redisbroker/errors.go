package redisbroker

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hearthws/hearth"
)

var (
	errNotYet    = errors.New("not connected yet")
	errNodeLeft  = errors.New("the node was replaced")
	errProbeLost = errors.New("what is published does not arrive at the subscriber")
	errRestoring = errors.New("subscriptions are being restored")
)

// unavailable is cause as callers see it.
func (o *Options) unavailable(cause error) error {
	return fmt.Errorf("%w: %s: %w", hearth.ErrBrokerUnavailable, o, o.redact(cause))
}

// refused is cause, which Redis answered, as callers see it.
func (o *Options) refused(what string, cause error) error {
	return fmt.Errorf("redisbroker: Redis refuses to %s: %w", what, o.redact(cause))
}

// redact replaces an error that says a password: servers quote commands.
func (o *Options) redact(err error) error {
	text := err.Error()
	for _, password := range []string{o.Password, o.Sentinel.Password} {
		if password != "" {
			text = strings.ReplaceAll(text, password, secret)
		}
	}
	if text == err.Error() {
		return err
	}
	return errors.New(text)
}
