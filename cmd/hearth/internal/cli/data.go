package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hearthws/hearth"
)

// dataFlags say where the data of a message comes from.
type dataFlags struct {
	file string
	text bool
}

func (d *dataFlags) bind(flags *pflag.FlagSet) {
	flags.StringVar(&d.file, "file", "", "read the data from this `FILE`")
	flags.BoolVar(&d.text, "text", false, "the data is text, not JSON; the end of its last line is cut")
}

// read returns the data; args are the arguments after the event.
func (d *dataFlags) read(cmd *cobra.Command, args []string) (any, error) {
	var raw []byte
	var from string
	var err error
	switch {
	case len(args) > 0 && d.file != "":
		return nil, usagef(cmd, "there is DATA, and --file %s; choose one of them", d.file)
	case len(args) == 0 && d.file == "":
		if d.text {
			return nil, usagef(cmd, "--text needs DATA, or --file")
		}
		return hearth.Absent, nil
	case d.file != "":
		from = d.file
		raw, err = os.ReadFile(d.file)
	case args[0] == "-":
		from = "standard input"
		raw, err = io.ReadAll(cmd.InOrStdin())
	default:
		from = "DATA"
		raw = []byte(args[0])
	}
	if err != nil {
		return nil, err
	}
	return d.decode(cmd, from, raw)
}

func (d *dataFlags) decode(cmd *cobra.Command, from string, raw []byte) (any, error) {
	if !utf8.Valid(raw) {
		return nil, usagef(cmd, "%s is not UTF-8", from)
	}
	if d.text {
		return strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r"), nil
	}
	var data json.RawMessage
	if err := json.Unmarshal(raw, &data); err != nil {
		return nil, usagef(cmd, "%s is not JSON (%w); for plain text there is --text", from, err)
	}
	return json.RawMessage(bytes.TrimSpace(data)), nil
}
