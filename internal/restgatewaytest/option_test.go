package restgatewaytest

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/descriptorpb"

	"github.com/corsrpc/corsrpc-go/internal/httprule"
)

// What is read from an option's bytes is what generated code reads, also where
// an option is in several pieces.
func TestOptionsAreReadAsGeneratedCodeReadsThem(t *testing.T) {
	random := rand.New(rand.NewPCG(*seed, 0))
	bound, refused := 0, 0
	for range 5_000 {
		var wire []byte
		for range 1 + random.IntN(2) {
			options := &descriptorpb.MethodOptions{}
			proto.SetExtension(options, annotations.E_Http, randomRule(random, true))
			piece, err := proto.Marshal(options)
			require.NoError(t, err)
			wire = append(wire, piece...)
		}
		options := &descriptorpb.MethodOptions{}
		require.NoError(t, proto.Unmarshal(wire, options))
		rule, ok := proto.GetExtension(options, annotations.E_Http).(*annotations.HttpRule)
		require.True(t, ok)

		bindings, err := httprule.DecodeBindings(wire)
		want, ok := rulesBindings(rule)
		if !ok {
			assert.Error(t, err, "%v", rule)
			refused++
			continue
		}
		require.NoError(t, err, "%v", rule)
		require.Equal(t, want, bindings, "%v", rule)
		bound += len(bindings)
	}
	assert.Greater(t, bound, 2_000)
	assert.Greater(t, refused, 100)
}

func randomRule(random *rand.Rand, outer bool) *annotations.HttpRule {
	paths := []string{"/v1/{a}", "/v1/b:c", "/", ""}
	path := paths[random.IntN(len(paths))]
	rule := &annotations.HttpRule{}
	switch random.IntN(8) {
	case 0:
		rule.Pattern = &annotations.HttpRule_Get{Get: path}
	case 1:
		rule.Pattern = &annotations.HttpRule_Put{Put: path}
	case 2:
		rule.Pattern = &annotations.HttpRule_Post{Post: path}
	case 3:
		rule.Pattern = &annotations.HttpRule_Delete{Delete: path}
	case 4:
		rule.Pattern = &annotations.HttpRule_Patch{Patch: path}
	case 5, 6:
		rule.Pattern = &annotations.HttpRule_Custom{Custom: &annotations.CustomHttpPattern{Kind: []string{"HEAD", "*", ""}[random.IntN(3)], Path: path}}
	}
	rule.Body = []string{"", "*", "a"}[random.IntN(3)]
	rule.ResponseBody = []string{"", "b"}[random.IntN(2)]
	rule.Selector = []string{"", "acme.v1.Other"}[random.IntN(2)]
	for range random.IntN(3) {
		if outer {
			rule.AdditionalBindings = append(rule.AdditionalBindings, randomRule(random, random.IntN(10) == 0))
		}
	}
	return rule
}

// rulesBindings returns the bindings of a rule, unless gateways refuse it.
func rulesBindings(rule *annotations.HttpRule) (bindings []httprule.Binding, ok bool) {
	for i, r := range append([]*annotations.HttpRule{rule}, rule.GetAdditionalBindings()...) {
		method, path := ruleMethod(r)
		switch {
		case i > 0 && len(r.GetAdditionalBindings()) > 0:
			return nil, false
		case method == "" && path == "" && r.GetCustom() == nil:
			if i > 0 {
				return nil, false
			}
			continue
		}
		binding, err := httprule.ParseBinding(method + " " + path)
		if err != nil {
			return nil, false
		}
		binding.Body, binding.ResponseBody = r.GetBody(), r.GetResponseBody()
		bindings = append(bindings, binding)
	}
	return bindings, true
}

func ruleMethod(rule *annotations.HttpRule) (method, path string) {
	for method, path := range map[string]string{
		"GET": rule.GetGet(), "PUT": rule.GetPut(), "POST": rule.GetPost(), "DELETE": rule.GetDelete(), "PATCH": rule.GetPatch(),
	} {
		if path != "" {
			return method, path
		}
	}
	return rule.GetCustom().GetKind(), rule.GetCustom().GetPath()
}
