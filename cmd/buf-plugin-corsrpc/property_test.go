package main

import (
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	descriptorv1 "buf.build/gen/go/bufbuild/bufplugin/protocolbuffers/go/buf/plugin/descriptor/v1"
	"buf.build/go/bufplugin/check"
	"buf.build/go/bufplugin/descriptor"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/corsrpc"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsdiff"
	"github.com/corsrpc/corsrpc-go/corsrpc/corsrpcv1"
)

var pairs = flag.Int("pairs", 200, "random pairs of schemas to compare")

// A draft is a random schema. Each part is drawn by itself, so that a second
// draft can have most parts of the first.
type draft map[string]*part

type part struct {
	absent, streams, noSideEffects, bound bool
	options                               *corsrpcv1.MethodOptions // of services too
}

func some(r *rand.Rand, names ...string) []string {
	var chosen []string
	for _, name := range names {
		if r.IntN(3) == 0 {
			chosen = append(chosen, name)
		}
	}
	return chosen
}

func oneIn(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

func randomPart(r *rand.Rand) *part {
	p := &part{absent: oneIn(r, 5), streams: oneIn(r, 4), noSideEffects: oneIn(r, 2), bound: oneIn(r, 3), options: &corsrpcv1.MethodOptions{
		RequestHeaders:   some(r, "x-a", "X-B", "authorization"),
		ResponseHeaders:  some(r, "x-c", "X-D", "cache-control"),
		ResponseTrailers: some(r, "x-c", "x-t"),
		Audience:         []string{"", "", "red", "Blue team"}[r.IntN(4)],
	}}
	if oneIn(r, 6) {
		p.options.Access = corsrpcv1.Access_ACCESS_INTERNAL
	}
	return p
}

// redraw draws the parts again that change says.
func (d draft) redraw(r *rand.Rand, change func() bool) draft {
	next := make(draft)
	for _, service := range []string{"A", "B"} {
		for _, name := range []string{service, service + ".M1", service + ".M2", service + ".M3"} {
			next[name] = d[name]
			if next[name] == nil || change() {
				next[name] = randomPart(r)
			}
		}
	}
	return next
}

// file returns the draft as a file of the package acme.
func (d draft) file() *descriptorpb.FileDescriptorProto {
	file := &descriptorpb.FileDescriptorProto{
		Name: proto.String("acme.proto"), Package: proto.String("acme"), Syntax: proto.String("proto3"),
		MessageType: []*descriptorpb.DescriptorProto{{Name: proto.String("Message"), Field: []*descriptorpb.FieldDescriptorProto{{
			Name: proto.String("id"), Number: proto.Int32(1), Type: descriptorpb.FieldDescriptorProto_TYPE_STRING.Enum(), Label: descriptorpb.FieldDescriptorProto_LABEL_OPTIONAL.Enum(),
		}}}},
	}
	for _, name := range slices.Sorted(maps.Keys(d)) {
		p := d[name]
		serviceName, methodName, isMethod := strings.Cut(name, ".")
		if p.absent || d[serviceName].absent {
			continue
		}
		if !isMethod {
			options := &descriptorpb.ServiceOptions{}
			proto.SetExtension(options, corsrpcv1.E_Service, &corsrpcv1.ServiceOptions{
				RequestHeaders: p.options.RequestHeaders, ResponseHeaders: p.options.ResponseHeaders, ResponseTrailers: p.options.ResponseTrailers,
				Audience: p.options.Audience, Access: p.options.Access,
			})
			file.Service = append(file.Service, &descriptorpb.ServiceDescriptorProto{Name: proto.String(name), Options: options})
			continue
		}
		options := &descriptorpb.MethodOptions{}
		proto.SetExtension(options, corsrpcv1.E_Method, p.options)
		if p.noSideEffects {
			options.IdempotencyLevel = descriptorpb.MethodOptions_NO_SIDE_EFFECTS.Enum()
		}
		if p.bound {
			rule := protowire.AppendString(protowire.AppendTag(nil, 2, protowire.BytesType), "/v1/"+serviceName+"/"+methodName+"/{id}")
			options.ProtoReflect().SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, googleAPIHTTP, protowire.BytesType), rule))
		}
		service := file.Service[len(file.Service)-1]
		service.Method = append(service.Method, &descriptorpb.MethodDescriptorProto{
			Name: proto.String(methodName), InputType: proto.String(".acme.Message"), OutputType: proto.String(".acme.Message"), Options: options, ServerStreaming: proto.Bool(p.streams),
		})
	}
	return file
}

// rules returns the rules of a schema alone, by path as a Change has it.
func rules(t *testing.T, file *descriptorpb.FileDescriptorProto) map[string]corsrpc.Rule {
	t.Helper()
	found := make(map[string]corsrpc.Rule)
	if len(file.Service) == 0 {
		return found // New needs something to govern
	}
	files, err := protodesc.NewFiles(&descriptorpb.FileDescriptorSet{File: []*descriptorpb.FileDescriptorProto{file}})
	require.NoError(t, err)
	config, err := corsdiff.SchemaConfig(files)
	require.NoError(t, err)
	policy, err := corsrpc.New(config)
	require.NoError(t, err)
	for rule := range policy.Rules() {
		found[pathOf(rule)] = rule
	}
	return found
}

func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

// shrunk returns what is in the rules of old and not in those of new, by
// breaking rule: paths for calls, header names for the others.
func shrunk(old, new map[string]corsrpc.Rule) map[string]map[string]bool {
	lost := map[string]map[string]bool{pageCanCall: {}, pageCanSend: {}, pageCanRead: {}}
	for path, before := range old {
		after := new[path]
		if len(without(before.Origins, after.Origins)) > 0 {
			lost[pageCanCall][path] = true
		}
		if len(without(before.Origins, after.Origins)) == len(before.Origins) {
			continue // nobody is left to lose a part
		}
		if len(without(before.Methods, after.Methods)) > 0 {
			lost[pageCanCall][path] = true
		}
		for _, header := range without(before.RequestHeaders, after.RequestHeaders) {
			lost[pageCanSend][header] = true
		}
		for _, header := range without(before.ResponseHeaders, after.ResponseHeaders) {
			lost[pageCanRead][header] = true
		}
	}
	return lost
}

var (
	headersInMessage = regexp.MustCompile(`^pages can no longer (?:send|read) (.+?) (?:to|from) `)
	pathInMessage    = regexp.MustCompile(`(?: can no longer call |^)((?:GET )?/[^\s:]+)`)
	serviceInMessage = regexp.MustCompile(`call a method of (\S+) that the server does not have`)
)

// descriptors returns files as buf hands them to a plugin.
func descriptors(t testing.TB, files ...*descriptorpb.FileDescriptorProto) []descriptor.FileDescriptor {
	t.Helper()
	var list []*descriptorv1.FileDescriptor
	for _, file := range files {
		list = append(list, descriptorv1.FileDescriptor_builder{FileDescriptorProto: file}.Build())
	}
	found, err := descriptor.FileDescriptorsForProtoFileDescriptors(list)
	require.NoError(t, err)
	return found
}

// A breaking rule reports if and only if the generated rules shrink, and it
// names what they have lost.
func TestThatBreakingRulesReportWhatRulesLose(t *testing.T) {
	t.Parallel()
	client, err := check.NewClientForSpec(spec)
	require.NoError(t, err)
	reported := make(map[string]int)
	same := 0
	for seed := range uint64(*pairs) {
		r := rand.New(rand.NewPCG(seed, 1))
		first := draft{}.redraw(r, nil)
		rate := 1 + r.IntN(16) // from all parts to almost none
		second := first.redraw(r, func() bool { return oneIn(r, rate) })
		old, new := first.file(), second.file()
		lost := shrunk(rules(t, old), rules(t, new))

		request, err := check.NewRequest(descriptors(t, new), check.WithAgainstFileDescriptors(descriptors(t, old)), check.WithRuleIDs(breakingRules...))
		require.NoError(t, err)
		response, err := client.Check(t.Context(), request)
		require.NoError(t, err)
		named := map[string]map[string]bool{pageCanCall: {}, pageCanSend: {}, pageCanRead: {}}
		for _, a := range response.Annotations() {
			rule, text := a.RuleID(), fmt.Sprintf("seed %d: %s: %s", seed, a.RuleID(), a.Message())
			reported[rule]++
			var names []string
			if match := headersInMessage.FindStringSubmatch(a.Message()); rule != pageCanCall && match != nil {
				names = strings.Split(match[1], ", ")
			} else if match := pathInMessage.FindStringSubmatch(a.Message()); rule == pageCanCall && match != nil {
				names = match[1:]
			} else if match := serviceInMessage.FindStringSubmatch(a.Message()); rule == pageCanCall && match != nil {
				names = []string{"/" + match[1] + "/"}
			}
			require.NotEmpty(t, names, text)
			for _, name := range names {
				assert.True(t, lost[rule][name], "%s: the rules have not lost %s", text, name)
				named[rule][name] = true
			}
		}
		for rule, names := range lost {
			assert.Equal(t, len(names) > 0, len(named[rule]) > 0, "seed %d: %s: the rules have lost %v", seed, rule, names)
			for name := range names {
				if rule != pageCanCall && !strings.HasPrefix(name, gatewayPrefix) {
					assert.True(t, named[rule][name], "seed %d: %s does not name %s", seed, rule, name)
				}
			}
		}
		if len(response.Annotations()) == 0 {
			same++
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("annotations by rule: %v; pairs without any: %d", reported, same)
	for _, rule := range breakingRules {
		assert.Positive(t, reported[rule], rule)
	}
	assert.Positive(t, same)
}
