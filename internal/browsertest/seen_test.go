package browsertest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"
	"google.golang.org/protobuf/types/known/anypb"
)

// Seen is all that a client hands over of one call, as the page reports it; see
// web/browsertest/cell.ts. Messages and details are canonical JSON.
type seen struct {
	Messages []string
	Header   map[string]string // nil: not handed over
	Trailer  map[string]string // nil: not handed over
	Errors   []seenError
	Ended    bool
}

type seenError struct {
	Code     int
	Message  string
	Details  []string
	Metadata map[string]string // nil: there is none
}

// A jobReport is what a page reports of its job; see web/browsertest/main.ts.
type jobReport struct {
	Calls     []reportedCall
	Attacks   []string
	Resources []string
	Rest      []restReport
}

type reportedCall struct {
	ID   int
	Seen reportedSeen
}

// reportedSeen is seen as the page writes it.
type reportedSeen struct {
	Messages        []json.RawMessage
	Header, Trailer map[string]string
	Errors          []struct {
		Code     int
		Message  string
		Details  []struct{ Type, Value string }
		Metadata map[string]string
	}
	Ended bool
}

// canonical makes it comparable.
func (r *reportedSeen) canonical(t *testing.T, k *call) seen {
	t.Helper()
	got := seen{Header: canonicalFields(r.Header), Trailer: canonicalFields(r.Trailer), Ended: r.Ended}
	for _, message := range r.Messages {
		m := dynamicpb.NewMessage(k.descriptor().Output())
		require.NoError(t, protojson.Unmarshal(message, m), "%s", message)
		got.Messages = append(got.Messages, text(m))
	}
	for _, e := range r.Errors {
		canonical := seenError{Code: e.Code, Message: e.Message, Metadata: canonicalFields(e.Metadata)}
		for _, detail := range e.Details {
			value, err := base64.RawStdEncoding.DecodeString(detail.Value)
			require.NoError(t, err)
			m, err := (&anypb.Any{TypeUrl: "type.googleapis.com/" + detail.Type, Value: value}).UnmarshalNew()
			require.NoError(t, err)
			canonical.Details = append(canonical.Details, string(m.ProtoReflect().Descriptor().Name())+text(m))
		}
		got.Errors = append(got.Errors, canonical)
	}
	return got
}

var digits = regexp.MustCompile(`^[0-9]+$`)

// canonicalFields replaces values that are the server's affair.
func canonicalFields(fields map[string]string) map[string]string {
	for name, value := range fields {
		switch name {
		case "content-length":
			if digits.MatchString(value) {
				fields[name] = aLength
			}
		case "date":
			if _, err := http.ParseTime(value); err == nil {
				fields[name] = aDate
			}
		case "accept-post":
			fields[name] = anything
		}
	}
	return fields
}

func texts(messages []proto.Message) []string {
	var all []string
	for _, m := range messages {
		all = append(all, text(m))
	}
	return all
}

func detailTexts(details []proto.Message) []string {
	var all []string
	for _, m := range details {
		all = append(all, string(m.ProtoReflect().Descriptor().Name())+text(m))
	}
	return all
}

// text returns a message as JSON, without the white space that protojson varies.
func text(m proto.Message) string {
	marshalled, err := protojson.Marshal(m)
	if err != nil {
		panic(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, marshalled); err != nil {
		panic(err)
	}
	return compact.String()
}
