package corsconfig

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/corsrpc/corsrpc-go/corsrpc/corspolicyv1"
)

// fileWords are the names that the fields of corsrpc.Config, Override and
// Resource have in files.
var fileWords = func() map[string]string {
	words := make(map[string]string)
	for _, message := range []protoreflect.ProtoMessage{&corspolicyv1.Policy{}, &corspolicyv1.Override{}, &corspolicyv1.Resource{}} {
		fields := message.ProtoReflect().Descriptor().Fields()
		for i := range fields.Len() {
			name := string(fields.Get(i).Name())
			words[goName(name)] = name
		}
	}
	return words
}()

// goName returns the name of a field in Go: RequestHeaders for request_headers.
func goName(name string) string {
	if name == "rest" {
		return "REST"
	}
	parts := strings.Split(name, "_")
	for i, part := range parts {
		parts[i] = strings.ToUpper(part[:1]) + part[1:]
	}
	return strings.Join(parts, "")
}

// goWords are what advice for programmers says instead of what files have.
var goWords = map[string]string{
	"write {} if":     "write [] if",
	"2 * time.Hour":   "2h",
	"0 for two hours": "0s for two hours",
	"Services nil":    "services out",
	"RESTNone":        "none",
	"RESTGateway":     "gateway",
	"RESTTranscoding": "transcoding",
}

// goText finds quoted text, which stays as it is, and words of Go.
var goText = func() *regexp.Regexp {
	patterns := []string{`"(?:[^"\\]|\\.)*"`}
	for _, words := range []map[string]string{goWords, fileWords} {
		for _, word := range slices.Sorted(maps.Keys(words)) {
			patterns = append(patterns, regexp.QuoteMeta(word)+`\b`)
		}
	}
	return regexp.MustCompile(strings.Join(patterns, "|"))
}()

// inFileWords returns the problem of a corsrpc.ConfigError for readers of files.
func inFileWords(problem string) string {
	return goText.ReplaceAllStringFunc(problem, func(text string) string {
		if word, ok := goWords[text]; ok {
			return word
		}
		if word, ok := fileWords[text]; ok {
			return word
		}
		return text
	})
}
