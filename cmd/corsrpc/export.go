package main

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsexport"
)

func runExport(_ context.Context, f *flags, stdout io.Writer) (int, error) {
	switch {
	case f.image == "":
		return failed, errors.New("give --image with what `buf build -o image.binpb` writes")
	case len(f.policies) == 0:
		return failed, errors.New("give --policy with a policy file")
	}
	files, err := corsconfig.ReadImage(f.image)
	if err != nil {
		return failed, err
	}
	policy, err := newPolicy(files, f.policies)
	if err != nil {
		return failed, err
	}
	var problems strings.Builder
	status := corsexport.Main(policy, append(f.export.Args(), f.args...), stdout, &problems)
	if status != failed {
		return status, nil
	}
	var lines []string
	for line := range strings.Lines(problems.String()) {
		// run puts the command's name before each.
		lines = append(lines, strings.TrimPrefix(strings.TrimRight(line, "\n"), "corsexport: "))
	}
	return failed, errors.New(strings.Join(lines, "\n"))
}
