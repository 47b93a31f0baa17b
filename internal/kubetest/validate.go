package kubetest

import (
	"bufio"
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"slices"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metavalidation "k8s.io/apimachinery/pkg/apis/meta/v1/validation"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	sigsyaml "sigs.k8s.io/yaml"
)

//go:embed testdata/*.yaml
var files embed.FS

// A Kind validates objects of one kind as the API server does. It is safe for
// concurrent use.
type Kind struct {
	apiVersion, kind string
	structural       *schema.Structural
	schema           validation.SchemaValidator
	rules            *cel.Validator
}

// Kinds validate files that have objects of several kinds.
type Kinds []*Kind

// HTTPRoute returns the kind of the Gateway API's standard channel.
func HTTPRoute() (Kinds, error) { return newKinds("httproutes") }

// SecurityPolicy returns the kind of Envoy Gateway, and HTTPRoute.
func SecurityPolicy() (Kinds, error) { return newKinds("httproutes", "securitypolicies") }

// VirtualService returns the kind of Istio.
func VirtualService() (Kinds, error) { return newKinds("virtualservices") }

func newKinds(names ...string) (Kinds, error) {
	var all Kinds
	for _, name := range names {
		kind, err := newKind("testdata/" + name + ".yaml")
		if err != nil {
			return nil, err
		}
		all = append(all, kind)
	}
	return all, nil
}

func newKind(file string) (*Kind, error) {
	data, err := files.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var crd apiextensionsv1.CustomResourceDefinition
	if err := sigsyaml.UnmarshalStrict(data, &crd); err != nil {
		return nil, err
	}
	version := &crd.Spec.Versions[0]
	var props apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(version.Schema.OpenAPIV3Schema, &props, nil); err != nil {
		return nil, err
	}
	k := &Kind{apiVersion: crd.Spec.Group + "/" + version.Name, kind: crd.Spec.Names.Kind}
	if k.structural, err = schema.NewStructural(&props); err != nil {
		return nil, err
	}
	if k.schema, _, err = validation.NewSchemaValidator(&props); err != nil {
		return nil, err
	}
	if k.rules = cel.NewValidator(k.structural, true, celconfig.PerCallLimit); k.rules == nil {
		return nil, errors.New("kubetest: the schema has no rules")
	}
	return k, nil
}

// Validate reads a file of objects, and returns how many there are. An error
// means that the API server would not take one of them, or that it would drop a
// field.
func (all Kinds) Validate(file []byte) (int, error) {
	objects := 0
	for reader := yaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(file))); ; {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return objects, err
		}
		data, err := sigsyaml.YAMLToJSONStrict(document)
		if err != nil {
			return objects, err
		}
		if string(data) == "null" {
			continue // comments
		}
		if err := all.validate(data); err != nil {
			return objects, fmt.Errorf("object %d: %w", objects+1, err)
		}
		objects++
	}
}

// maxObject is what etcd takes by default.
const maxObject = 1536 << 10

func (all Kinds) validate(data []byte) error {
	if len(data) > maxObject {
		return fmt.Errorf("has %d bytes, more than etcd takes", len(data))
	}
	var object map[string]any
	if err := json.Unmarshal(data, &object); err != nil {
		return err
	}
	i := slices.IndexFunc(all, func(k *Kind) bool { return object["apiVersion"] == k.apiVersion && object["kind"] == k.kind })
	if i < 0 {
		return fmt.Errorf("is a %v of %v", object["kind"], object["apiVersion"])
	}
	k := all[i]
	if err := checkMetadata(object); err != nil {
		return err
	}
	options := schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	if dropped := pruning.PruneWithOptions(object, k.structural, true, options); len(dropped) > 0 {
		return fmt.Errorf("has unknown fields: %v", dropped)
	}
	defaulting.Default(object, k.structural)
	problems := validation.ValidateCustomResource(nil, object, k.schema)
	problems = append(problems, listtype.ValidateListSetsAndMaps(nil, k.structural, object)...)
	if len(problems) == 0 {
		// The API server asks the rules last too.
		broken, _ := k.rules.Validate(context.Background(), nil, k.structural, object, nil, celconfig.RuntimeCELCostBudget)
		problems = append(problems, broken...)
	}
	return problems.ToAggregate()
}

// checkMetadata checks what the schemas of custom resources leave out.
func checkMetadata(object map[string]any) error {
	metadata, _ := object["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	var all field.ErrorList
	for _, problem := range apivalidation.NameIsDNSSubdomain(name, false) {
		all = append(all, field.Invalid(field.NewPath("metadata", "name"), name, problem))
	}
	if namespace, ok := metadata["namespace"].(string); ok {
		for _, problem := range apivalidation.ValidateNamespaceName(namespace, false) {
			all = append(all, field.Invalid(field.NewPath("metadata", "namespace"), namespace, problem))
		}
	}
	labels := make(map[string]string)
	if given, ok := metadata["labels"].(map[string]any); ok {
		for key, value := range given {
			labels[key], _ = value.(string)
		}
	}
	return append(all, metavalidation.ValidateLabels(labels, field.NewPath("metadata", "labels"))...).ToAggregate()
}
