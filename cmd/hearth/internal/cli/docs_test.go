package cli

import (
	"os"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// docs/operations.md has every flag of every command, with its default.
func TestDocs(t *testing.T) {
	docs, err := os.ReadFile("../../../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range commands(newRoot()) {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			rows := tableRows(string(docs), "`--"+f.Name)
			if rows == "" {
				t.Errorf("docs/operations.md does not have %s --%s in a table", c.CommandPath(), f.Name)
			}
			switch f.DefValue {
			case "", "false", "0", "[]":
			default:
				if !strings.Contains(rows, "`"+strings.Trim(f.DefValue, "[]")+"`") {
					t.Errorf("docs/operations.md does not say that --%s is %s by default: %s", f.Name, f.DefValue, rows)
				}
			}
		})
	}
}

// tableRows are the rows of tables with text in them: commands may have flags
// of the same name.
func tableRows(docs, text string) string {
	var rows strings.Builder
	for line := range strings.Lines(docs) {
		if strings.HasPrefix(line, "|") && (strings.Contains(line, text+"`") || strings.Contains(line, text+" ")) {
			rows.WriteString(line)
		}
	}
	return rows.String()
}
