package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdiff"
)

func runDiff(_ context.Context, f *flags, stdout io.Writer) (int, error) {
	if len(f.args) != 2 {
		return failed, errors.New("give the old and the new image; the same one twice to compare two policies")
	}
	err := oneOf("format", f.format, "text", "json", "github-actions")
	if f.allow != "" {
		err = cmp.Or(err, oneOf("allow", f.allow, "gains"))
	}
	if err != nil {
		return failed, err
	}
	if (len(f.policyOld) == 0) != (len(f.policyNew) == 0) {
		return failed, errors.New("give both --policy-old and --policy-new, or neither: without them, the schemas alone are compared")
	}
	before, err := corsconfig.ReadImage(f.args[0])
	if err != nil {
		return failed, err
	}
	after, err := corsconfig.ReadImage(f.args[1])
	if err != nil {
		return failed, err
	}
	old, err := newPolicy(before, f.policyOld)
	if err != nil {
		return failed, fmt.Errorf("old: %w", err)
	}
	new, err := newPolicy(after, f.policyNew)
	if err != nil {
		return failed, fmt.Errorf("new: %w", err)
	}
	report := corsdiff.Compare(old, new)
	switch f.format {
	case "json":
		err = writeDiffJSON(stdout, report)
	case "github-actions":
		err = writeAnnotations(stdout, report, f.allow == "gains")
	default:
		err = writeDiff(stdout, report)
		if err == nil && len(f.policyOld) == 0 && !report.Empty() {
			_, err = fmt.Fprint(stdout, "\n"+placeholders+"\n")
		}
	}
	switch {
	case err != nil:
		return failed, err
	case len(report.Lost) > 0, len(report.Gained) > 0 && f.allow != "gains":
		return findings, nil
	}
	return fine, nil
}

func writeDiff(w io.Writer, report *corsdiff.Report) error {
	var b strings.Builder
	section := func(title, mark string, changes []corsdiff.Change) {
		if len(changes) == 0 {
			return
		}
		if b.Len() > 0 {
			b.WriteString("\n")
		}
		b.WriteString(title + "\n")
		for _, c := range changes {
			fmt.Fprintf(&b, "%s %s\n", mark, c.Title())
			for _, path := range c.Paths {
				fmt.Fprintf(&b, "      %s\n", path)
			}
		}
	}
	section("Pages can no longer", "  -", report.Lost)
	section("Pages can now", "  +", report.Gained)
	if report.Empty() {
		b.WriteString("Pages can do the same.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// writeAnnotations prints workflow commands of GitHub Actions.
func writeAnnotations(w io.Writer, report *corsdiff.Report, allowGains bool) error {
	var b strings.Builder
	annotate := func(level, title string, changes []corsdiff.Change) {
		for _, c := range changes {
			fmt.Fprintf(&b, "::%s title=%s::%s\n", level, title, escapeAnnotation(title+" "+c.Title()+"\n"+strings.Join(c.Paths, "\n")))
		}
	}
	annotate("error", "Pages can no longer", report.Lost)
	level := "error"
	if allowGains {
		level = "notice"
	}
	annotate(level, "Pages can now", report.Gained)
	_, err := io.WriteString(w, b.String())
	return err
}

// escapeAnnotation keeps a message on the line of its workflow command.
func escapeAnnotation(text string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(strings.TrimSpace(text))
}

type changeJSON struct {
	Kind  corsdiff.Kind `json:"kind"`
	Value string        `json:"value"`
	Cause string        `json:"cause"`
	Paths []string      `json:"paths"`
}

func writeDiffJSON(w io.Writer, report *corsdiff.Report) error {
	list := func(changes []corsdiff.Change) []changeJSON {
		out := []changeJSON{}
		for _, c := range changes {
			out = append(out, changeJSON{c.Kind, c.Value, c.Cause, append([]string{}, c.Paths...)})
		}
		return out
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(struct {
		Lost   []changeJSON `json:"lost"`
		Gained []changeJSON `json:"gained"`
	}{list(report.Lost), list(report.Gained)})
}
