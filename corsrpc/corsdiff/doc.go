// Package corsdiff finds what web pages gain and lose between two policies, or
// between two versions of a schema: calls, credentials, methods, headers that
// they can send, headers that they can read.
//
//	report := corsdiff.Compare(old, new)
//	for _, change := range report.Lost {
//		fmt.Println("pages can no longer", change) // read the header X-Cost (ResponseTrailers[0]): 3 paths
//	}
//
// Compare asks the policies themselves. For each origin that either policy
// lists, it compares what the two do with requests from a page of that origin.
// Patterns of origins are compared as sets and not as text.
//
// [SchemaConfig] makes a Config from a schema alone, so that schemas can be
// compared before anybody writes a policy.
package corsdiff
