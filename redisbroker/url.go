package redisbroker

import (
	"crypto/tls"
	"net/url"
	"strconv"
	"strings"
)

// secret stands for what must not be shown.
const secret = "xxxxx"

// resolve moves what URL says to the other fields, which must not say it too.
func (o Options) resolve() (Options, error) {
	raw := o.URL
	if raw == "" {
		return o, nil
	}
	fail := func(format string, args ...any) (Options, error) {
		return Options{}, invalid("URL", redactURL(raw), format, args...)
	}
	o.URL = ""
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return fail("must begin with redis://, rediss:// or unix://")
	}
	rest, rawQuery, _ := strings.Cut(rest, "?")
	if strings.Contains(rawQuery, "@") { // rather a password with a question mark
		return fail("has an @ behind a question mark; in a user, a password or a value both must be percent-encoded")
	}
	userinfo, rest, hasUser := cutLast(rest, "@")
	if !hasUser {
		userinfo, rest = "", userinfo
	}

	if len(o.Addrs) > 0 {
		return fail("and Addrs exclude each other")
	}
	database := ""
	switch scheme {
	case "redis", "rediss":
		var hosts string
		hosts, database, _ = strings.Cut(rest, "/")
		for _, host := range strings.Split(hosts, ",") {
			if host == "" {
				host = "localhost"
			}
			o.Addrs = append(o.Addrs, host)
		}
		if scheme == "rediss" && o.TLS == nil {
			o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		}
	case "unix":
		if !isSocket(rest) {
			return fail("must have an absolute path behind unix://")
		}
		o.Addrs = []string{rest}
	default:
		return fail("must begin with redis://, rediss:// or unix://")
	}

	name, password, _ := strings.Cut(userinfo, ":")
	for _, part := range []struct {
		text  string
		field *string
		name  string
	}{{name, &o.Username, "Username"}, {password, &o.Password, "Password"}} {
		value, err := url.PathUnescape(part.text)
		switch {
		case err != nil:
			return fail("has a user or a password that is not percent-encoded")
		case value == "":
		case *part.field != "":
			return fail("and %s both have a value", part.name)
		default:
			*part.field = value
		}
	}

	query, err := url.ParseQuery(rawQuery)
	if err != nil {
		return fail("has a query that cannot be read")
	}
	if database != "" {
		query.Add("db", database)
	}
	for key, values := range query {
		if len(values) != 1 {
			return fail("has more than one value of %q", key)
		}
		if reason := o.setQuery(key, values[0]); reason != "" {
			return fail("%s", reason)
		}
	}
	return o, nil
}

// setQuery takes over one member of a URL's query. It returns what is wrong
// with it.
func (o *Options) setQuery(key, value string) (reason string) {
	switch key {
	case "cluster", "skip_verify":
		on, err := strconv.ParseBool(value)
		if err != nil {
			return key + " must be 0 or 1"
		}
		if key == "cluster" {
			o.Cluster = o.Cluster || on
		} else if on && o.TLS == nil {
			return "skip_verify needs rediss://"
		} else if on {
			o.TLS = o.TLS.Clone()
			o.TLS.InsecureSkipVerify = true
		}
	case "db":
		n, err := strconv.Atoi(value)
		if err != nil || o.DB != 0 && o.DB != n {
			return "the database must be one number"
		}
		o.DB = n
	case "sentinel":
		o.Sentinel.Master = value
	case "sentinel_username":
		o.Sentinel.Username = value
	case "sentinel_password":
		o.Sentinel.Password = value
	case "client_name":
		o.ClientName = value
	default:
		return "has the unknown member " + strconv.Quote(key) + " in its query"
	}
	return ""
}

// redactURL keeps of a URL what is certainly no secret, even if it cannot be
// parsed: a password may hold any character.
func redactURL(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		scheme, rest = "", raw
	} else {
		scheme += "://"
	}
	user := ""
	if before, after, found := cutLast(rest, "@"); found && before != "" {
		user, rest = secret+"@", after
	}
	rest, _, _ = strings.Cut(rest, "?")
	hosts, path, _ := strings.Cut(rest, "/")
	list := strings.Split(hosts, ",")
	for i := range list {
		list[i] = redactAddr(list[i])
	}
	if path != "" {
		path = "/" + path
	}
	return scheme + user + strings.Join(list, ",") + path
}

// redactAddr hides what stands in the place of a port and is none.
func redactAddr(addr string) string {
	host, port, found := cutLast(addr, ":")
	if !found || strings.HasSuffix(port, "]") || strings.Trim(port, "0123456789") == "" {
		return addr
	}
	return host + ":" + secret
}

// cutLast is [strings.Cut] around the last separator.
func cutLast(s, separator string) (before, after string, found bool) {
	if i := strings.LastIndex(s, separator); i >= 0 {
		return s[:i], s[i+len(separator):], true
	}
	return s, "", false
}
