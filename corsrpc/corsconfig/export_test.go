package corsconfig

import "github.com/corsrpc/corsrpc-go/corsrpc"

// DecodeConfig returns the Config of one file's contents without judging it as
// a policy.
func DecodeConfig(text []byte) (corsrpc.Config, error) {
	doc, err := merge([]source{{name: "policy.yaml", data: text}})
	if err != nil {
		return corsrpc.Config{}, err
	}
	return configOf(doc.policy), doc.errorOf(nil)
}

// ReadText is Read of one file with these contents.
func ReadText(text []byte) (corsrpc.Config, error) {
	doc, err := merge([]source{{name: "policy.yaml", data: text}})
	if err != nil {
		return corsrpc.Config{}, err
	}
	return doc.withoutSchema()
}
