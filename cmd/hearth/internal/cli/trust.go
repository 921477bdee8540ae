package cli

import (
	"crypto/tls"
	"crypto/x509"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// trustFlags are the flags of clients about whom they trust.
type trustFlags struct {
	ca       string
	insecure bool
}

func (t *trustFlags) bind(flags *pflag.FlagSet) {
	flags.StringVar(&t.ca, "ca", "", "PEM `FILE` of certificates to trust, instead of the system's")
	flags.BoolVar(&t.insecure, "insecure", false, "trust any certificate")
}

func (t *trustFlags) config(cmd *cobra.Command) (*tls.Config, error) {
	config := &tls.Config{InsecureSkipVerify: t.insecure}
	if t.ca == "" {
		return config, nil
	}
	pem, err := os.ReadFile(t.ca)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, usagef(cmd, "--ca is %s: has no PEM certificate", t.ca)
	}
	return config, nil
}
