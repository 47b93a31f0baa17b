package main

import (
	"cmp"
	"os"
	"runtime/debug"
	"slices"
	"strings"
)

// versions returns those of the libraries in this executable.
func versions() string {
	wanted := []string{"connectrpc.com/cors", "github.com/rs/cors", "github.com/go-chi/cors", "github.com/gorilla/handlers", "github.com/gin-contrib/cors", "github.com/gin-gonic/gin"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	var found []string
	for _, module := range info.Deps {
		if slices.Contains(wanted, module.Path) {
			found = append(found, module.Path+" "+module.Version)
		}
	}
	return strings.Join(found, ", ")
}

// processor returns the name that Linux gives the processor.
func processor() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "an unknown processor"
	}
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return cmp.Or(strings.TrimSpace(value), "an unknown processor")
		}
	}
	return "an unknown processor"
}
