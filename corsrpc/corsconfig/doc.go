// Package corsconfig keeps policies in files, for origins that differ by
// environment and are maintained by people who do not build the program. A
// file has the fields of [corsrpc.Config] in the words of
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
// [Load] merges a file with the files that override it for one environment;
// [Watch] also updates a policy whenever one of these files is edited.
// Mistakes come all at once, each with its file, line and column; see [Error].
//
// What is not data stays in the program: functions, and the descriptors of the
// services.
package corsconfig
