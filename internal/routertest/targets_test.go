package routertest

import (
	"fmt"
	"path"
	"strings"
)

// targets are request targets that some router or other takes for the
// procedure. The first is its spelling; O is another governed service.
var targets = []string{
	"/S/M",
	"//S/M",
	"///S//M",
	"/S//M",
	"/S/M/",
	"/S/M//",
	"/./S/M",
	"/S/./M",
	"/S/%2e/M",
	"/x/../S/M",
	"/x/%2e%2e/S/M",
	"/x/..%2FS/M",
	"/x/%252e%252e/S/M",
	"/S/x/../M",
	"/S/M/x/..",
	"/S%2FM",
	"/S%252FM",
	"/%2FS/M",
	"/<S encoded>/M",
	"/<S encoded twice>/M",
	"/S/<M encoded>",
	"/<S in lower case>/<M in lower case>",
	"/<S in upper case>/<M in upper case>",
	"/<S with a long s>/M",
	"/S;v=1/M",
	"/S/M;v=1",
	"/S%3Bv=1/M",
	`/S\M`,
	"/S%5CM",
	"/%5CS%5CM",
	"/api/S/M",
	"/x/y/S/M",
	"/O/..%2FS/M",
	"/O/%2e%2e/S/M",
	"/O/..;/S/M",
	"http://" + host + "/S/M",
	"/S/M#x",
}

// spell writes a target for a procedure.
func spell(target, procedure, other string) string {
	directory, method := path.Split(procedure)
	service := strings.Trim(directory, "/")
	return strings.NewReplacer(
		"<S encoded>", encode(service, "%"),
		"<S encoded twice>", encode(service, "%25"),
		"<M encoded>", encode(method, "%"),
		"<S in lower case>", strings.ToLower(service),
		"<M in lower case>", strings.ToLower(method),
		"<S in upper case>", strings.ToUpper(service),
		"<M in upper case>", strings.ToUpper(method),
		"<S with a long s>", strings.Replace(service, "shop", "%C5%BFhop", 1),
		"S", service,
		"M", method,
		"O", other,
	).Replace(target)
}

// encode writes the first byte of a name as an escape.
func encode(name, percent string) string {
	return fmt.Sprintf("%s%02x%s", percent, name[0], name[1:])
}
