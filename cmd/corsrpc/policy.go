package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsconfig"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdiff"
)

// newPolicy returns the policy of the files, or that of the schema alone if
// there are none.
func newPolicy(files *protoregistry.Files, names []string) (*corsrpc.Policy, error) {
	var config corsrpc.Config
	var err error
	if len(names) == 0 {
		config, err = corsdiff.SchemaConfig(files)
	} else {
		config, err = corsconfig.Load(files, names...)
	}
	if err != nil {
		return nil, err
	}
	return corsrpc.New(config)
}

func runPolicy(_ context.Context, f *flags, stdout io.Writer) (int, error) {
	if len(f.args) < 2 {
		return failed, errors.New("write `corsrpc policy validate F…` or `corsrpc policy print F…`")
	}
	action, names := f.args[0], f.args[1:]
	if action != "validate" && action != "print" {
		return failed, fmt.Errorf("%.40q: write validate or print", action)
	}
	config, err := loadPolicy(f.image, names)
	if err != nil {
		var misplaced *corsconfig.Error
		if action == "validate" && errors.As(err, &misplaced) {
			_, err := fmt.Fprintln(stdout, err)
			return findings, err
		}
		return failed, err
	}
	if action == "validate" {
		text := "ok"
		if f.image == "" {
			text += ": syntax, origins and header names; names of services, methods and audiences need --image"
		}
		_, err := fmt.Fprintln(stdout, text)
		return fine, err
	}
	text, err := corsconfig.Marshal(config)
	if err != nil {
		return failed, err
	}
	_, err = stdout.Write(text)
	return fine, err
}

func loadPolicy(image string, names []string) (corsrpc.Config, error) {
	if image == "" {
		return corsconfig.Read(names...)
	}
	files, err := corsconfig.ReadImage(image)
	if err != nil {
		return corsrpc.Config{}, err
	}
	return corsconfig.Load(files, names...)
}
