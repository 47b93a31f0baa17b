// Package corsconfig reads policies from files. Use it if origins differ by
// environment, or if the people who maintain them do not build the program. A
// file has the fields of [corsrpc.Config], named as in
// corsrpc/policy/v1/policy.proto, in YAML or JSON:
//
//	origins:
//	  - https://app.example.com
//	  - https://*.preview.example.com
//	request_headers: [Authorization]
//	max_age: 10m
//	overrides:
//	  acme.shop.v1.AdminService:
//	    origins: [https://console.example.com]
//	    credentials: on
//
// [Load] merges a base file with files that override it, such as one for each
// environment. [Watch] also updates a policy whenever one of these files is
// edited. Mistakes are returned all at once, each with its file, line and
// column; see [Error].
//
// Fields of Config that hold functions or descriptors cannot be written in a
// file; set them in the program.
package corsconfig
