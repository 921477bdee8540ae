package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/hearthws/hearth/cmd/hearth/internal/serve"
	"github.com/hearthws/hearth/seal"
)

func newKey() *cobra.Command {
	return &cobra.Command{
		Use:   "key FILE",
		Short: "Show the public keys of an encryption key file",
		Long: `Show the public keys that belong to the private ones of a file for
'hearth serve --encryption-key', one a line and in that order, for clients to pin.

A private key on P-256 is made by

  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem`,
		Example: `  hearth key key.pem`,
		Args:    arguments(1, 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			keys, err := serve.ReadKeys(args[0])
			if err != nil {
				return err
			}
			for _, k := range keys {
				if _, err := fmt.Fprintln(cmd.OutOrStdout(), seal.EncodePublicKey(k.PublicKey())); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
