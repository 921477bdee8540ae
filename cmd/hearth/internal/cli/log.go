package cli

import (
	"io"
	"log/slog"
	"os"

	"github.com/lmittmann/tint"
	"github.com/spf13/pflag"
	"golang.org/x/term"
)

// logFlags are the flags about logs.
type logFlags struct{ level, format string }

func (l *logFlags) bind(flags *pflag.FlagSet) {
	choiceFlag(flags, &l.level, "log-level", "info", "least important log lines to write", "debug", "info", "warn", "error")
	choiceFlag(flags, &l.format, "log-format", "auto", "form of log lines; auto is text on a terminal, json elsewhere", "auto", "text", "json")
}

// text reports whether people are to read the log.
func (l *logFlags) text(w io.Writer) bool {
	return l.format == "text" || l.format == "auto" && isTerminal(w)
}

// logger writes to w.
func (l *logFlags) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.level)) // the flag takes no others
	if !l.text(w) {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{
		Level:      level,
		TimeFormat: "15:04:05.000",
		NoColor:    !isTerminal(w) || os.Getenv("NO_COLOR") != "",
	}))
}

// isTerminal reports whether a person is at the other end of what a command
// reads from or writes to.
func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
