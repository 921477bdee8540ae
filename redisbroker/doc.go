// Package redisbroker joins Hearth servers and emitters through Redis 6 or
// newer, alone, as a Cluster or under Sentinel. It uses classic Pub/Sub, as
// the original helper does, so both can share one Redis.
//
//	broker, err := redisbroker.Open("redis://localhost:6379")
//	…
//	server, err := hearth.New(ctx, hearth.Options{Broker: broker, …})
//
// A broker holds two connections, however many servers and emitters of the
// process share it: one that publishes and one that is subscribed to exactly
// the channels that their clients need. (In a Cluster one connection a node
// publishes.) A broker without servers holds none.
//
// Nothing of a broker blocks. What Redis does not take is answered with an
// error, within about Options.WriteTimeout when Redis hangs, and at once when
// it is known to be away. A connection that died without a word is found
// within five seconds. When the subscriber's connection was lost, everything
// is subscribed again and a [hearth.Gap] tells in which interval envelopes may
// have been missed: Redis keeps none for those who were away. What is published
// is numbered besides, so that a loss behind the back of both connections is
// found as soon as the next envelope of that publisher and channel arrives.
//
// Redis needs no configuration. (Its busy-reply-threshold must not be less than
// Options.WriteTimeout, if scripts of others may run that long: Redis answers
// UNSUBSCRIBE twice then.) With an ACL, the user needs the commands
// PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PSUBSCRIBE, PUNSUBSCRIBE and PING (with
// Cluster: CLUSTER; with Sentinel: ROLE), and the channels ws:* behind the
// prefix.
package redisbroker
