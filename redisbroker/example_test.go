package redisbroker_test

import (
	"fmt"

	"github.com/hearthws/hearth/redisbroker"
)

// Options can be printed: they show no secret.
func ExampleOptions() {
	options := redisbroker.Options{
		URL:    "rediss://app:s3cret@a.example,b.example,c.example?cluster=1",
		Prefix: "shop:",
	}
	broker, err := redisbroker.New(options)
	fmt.Println(options, broker != nil, err)

	options.Prefix = "shop*"
	_, err = redisbroker.New(options)
	fmt.Println(err)
	// Output:
	// rediss://xxxxx@a.example,b.example,c.example?cluster=1 true <nil>
	// hearth: option redisbroker.Prefix is "shop*": must be printable ASCII without spaces and without * ? [ ] ^ \
}
