package browsertest

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/corsrpc/corsrpc-go/internal/browsers"
)

// The calls that connect-go answers with trailers alone over gRPC-Web: those that
// end without a message and without a response header.
var (
	trailersOnlyErrors = []string{
		"unary error alone",
		"unary error with metadata, trailer and detail",
		"stream error before the first message",
		"unauthenticated from authentication, unary",
		"unauthenticated from authentication, stream",
		// Where it is the server that keeps time.
		"deadline that is missed",
	}
	withDetails = []string{"unary error with metadata, trailer and detail"}

	connectClients = []string{"connect-json", "connect-binary", "connect-get"}
	connectGRPCWeb = []string{"connect-grpc-web", "connect-grpc-web-json"}
	otherGRPCWeb   = []string{"google-binary", "improbable", "protobuf-ts-binary", "nice-grpc-web"}
	allGRPCWeb     = slices.Concat(connectGRPCWeb, otherGRPCWeb)
	allClients     = slices.Concat(connectClients, allGRPCWeb)
)

// An absence is what the server does not say, and what each cell then loses.
type absence struct {
	name        string
	withheld    []string
	unpermitted bool
	lost        []loss
}

// A loss is that each of these clients sees something else of each of these calls.
type loss struct{ clients, calls []string }

func (a *absence) includes(c *cell) bool {
	return slices.ContainsFunc(a.lost, func(l loss) bool {
		return slices.Contains(l.clients, c.client.id) && slices.Contains(l.calls, c.call.name)
	})
}

// What a page loses when a name is missing, cell by cell.
var absences = []absence{
	{
		name: "Grpc-Status", withheld: []string{"grpc-status"},
		lost: []loss{
			{otherGRPCWeb, trailersOnlyErrors},
			// These read the status in the details, where there are any.
			{connectGRPCWeb, except(trailersOnlyErrors, withDetails)},
			// An empty success is no success then, except for Google's client, to
			// which every end without an error is one.
			{except(allGRPCWeb, []string{"google-binary"}), []string{"empty stream"}},
		},
	},
	{
		name: "Grpc-Message", withheld: []string{"grpc-message"},
		lost: []loss{
			{otherGRPCWeb, trailersOnlyErrors},
			{connectGRPCWeb, except(trailersOnlyErrors, withDetails)},
		},
	},
	{
		name: "Grpc-Status-Details-Bin", withheld: []string{"grpc-status-details-bin"},
		lost: []loss{{allGRPCWeb, withDetails}},
	},
	{
		name: "all three", withheld: []string{"grpc-status", "grpc-message", "grpc-status-details-bin"},
		lost: []loss{
			{allGRPCWeb, trailersOnlyErrors},
			{except(allGRPCWeb, []string{"google-binary"}), []string{"empty stream"}},
		},
	},
	{
		name: "Trailer-X-Cost", withheld: []string{"trailer-x-cost"},
		lost: []loss{{connectClients, []string{
			"unary with metadata, Authorization, header and trailer",
			"unary error with header, trailer and detail",
			"unary error with metadata, trailer and detail",
			"deadline that is met",
		}}},
	},
	{
		name: "X-Cost", withheld: []string{"x-cost"},
		lost: []loss{{allGRPCWeb, []string{"unary error with metadata, trailer and detail"}}},
	},
	{
		name: "X-Updates", withheld: []string{"x-updates"},
		lost: []loss{{allGRPCWeb, []string{"stream error before the first message"}}},
	},
	{
		name: "X-Hits", withheld: []string{"x-hits"},
		lost: []loss{{allGRPCWeb, []string{"empty stream"}}},
	},
	{
		name: "X-Retry-Hint", withheld: []string{"x-retry-hint"},
		lost: []loss{
			{allClients, []string{"unary error with metadata, trailer and detail"}},
			{allGRPCWeb, []string{"stream error before the first message"}},
		},
	},
	{
		name: "X-Request-Id", withheld: []string{"x-request-id"},
		lost: []loss{{allClients, []string{
			"unary with metadata, Authorization, header and trailer",
			"unary error with header, trailer and detail",
			"stream with header and trailer",
			"stream error after a message",
			"deadline that is met",
		}}},
	},
	{
		name: "X-Catalog-Version", withheld: []string{"x-catalog-version"},
		lost: []loss{{allClients, []string{
			"unary without side effects",
			"stream error after a message, without metadata",
		}}},
	},
	{
		name: "Access-Control-Allow-Origin on a 401 and a 404", unpermitted: true,
		lost: []loss{{allClients, []string{
			"method that the server does not have",
			"streaming method that the server does not have",
			"401 from authentication, unary",
			"401 from authentication, stream",
		}}},
	},
}

func except(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}

// With one name less in what Wrap exposes exactly those cells fail that are known
// to need it, in the way that is known.
func TestEveryExposedNameIsNeeded(t *testing.T) {
	browsers.ForEach(t, func(ctx context.Context, t *testing.T, e *browsers.Engine) {
		var cells []*cell
		ofAbsence := make([][]*cell, len(absences))
		for i, a := range absences {
			first := len(cells)
			for _, c := range clients {
				for j := range calls {
					k := &calls[j]
					// Without an answer there is nothing to withhold.
					if c.unsupported || k.deadline == missedDeadline && c.keepsTime {
						continue
					}
					cells = append(cells, &cell{
						id: len(cells), client: c, call: k, withheld: a.withheld, unpermitted: a.unpermitted,
					})
				}
			}
			ofAbsence[i] = cells[first:]
		}
		run := runCells(ctx, t, e, servers[0], settings[0], cells)
		for i, a := range absences {
			row := Result{Suite: SuiteNames, Row: a.name, Engine: e.Name}
			for _, c := range ofAbsence[i] {
				if a.includes(c) {
					row.Lost++
				}
			}
			for _, c := range ofAbsence[i] {
				check(t, row, c.title+"/"+c.call.name, func(t *testing.T) {
					got := run.got[c.id]
					assert.Equal(t, run.expect(c), got)

					whole := *c
					whole.withheld, whole.unpermitted = nil, false
					isWhole := assert.ObjectsAreEqual(application(run.expect(&whole)), application(got))
					assert.Equal(t, a.includes(c), !isWhole, "whether something is lost; the page saw %+v", got)
				})
			}
		}
	})
}

// application returns what an application looks at: not the protocol's own fields,
// which some clients leave among the metadata after they have read them.
func application(s seen) seen {
	drop := func(m map[string]string) map[string]string { return without(m, "grpc-status", "grpc-message") }
	s.Header, s.Trailer = drop(s.Header), drop(s.Trailer)
	s.Errors = slices.Clone(s.Errors)
	for i := range s.Errors {
		s.Errors[i].Metadata = drop(s.Errors[i].Metadata)
	}
	return s
}
